//! The kubelet, which gives each pod with `hostUsers: false` a range of its own.
//!
//! The ranges come from the subordinate ids of a user named `kubelet`, if there are any. Otherwise it takes every id from 65536
//! upwards for its own, from the lowest; with at most `maxPods` pods at once it comes as far as 65536 + 65536 × maxPods.
//! It looks at nobody else's claims. Source: kubernetes.io, "User Namespaces"; KEP-127.

use saphyr::{LoadableYamlNode, Yaml};

use super::{
    ClaimKind, Claims, HostFiles,
    files::{line_with, misunderstood},
    range,
    subids::Lines,
};

/// Where kubeadm and most distributions have it.
const FILE: &str = "/var/lib/kubelet/config.yaml";

/// What tells of a kubelet.
const SIGNS: [&str; 4] =
    ["/var/lib/kubelet", "/usr/bin/kubelet", "/usr/local/bin/kubelet", "/etc/systemd/system/kubelet.service"];

/// The kubelet's own default of `maxPods`.
const PODS: u64 = 110;

/// The default of `userNamespaces.idsPerPod`, and the first id.
const IDS: u64 = 65_536;

pub(super) fn look(host: &HostFiles, lines: &mut Lines, claims: &mut Claims) {
    // Lines of a user kubelet are meant for it, whether it is there yet or not.
    if lines.has("kubelet") {
        lines.use_by("kubelet", "kubelet", FILE, claims);
        return;
    }
    if claims.all.iter().any(|claim| claim.owner == "kubelet") {
        return;
    }
    let Some(sign) = SIGNS.into_iter().find(|sign| host.has(sign)) else { return };
    let (pods, ids, source) = match host.text(FILE, claims) {
        Some(text) => {
            let (pods, ids) = configuration(&text, claims);
            (pods, ids, format!("{FILE}:{}", line_with(&text, "maxPods")))
        }
        None => (PODS, IDS, format!("the default of the kubelet of {sign}")),
    };
    if let Some(ids) = range(IDS, pods.saturating_mul(ids)) {
        claims.both(&ids, "kubelet", ClaimKind::Tool, &source);
    }
}

/// `maxPods` and `idsPerPod`.
fn configuration(text: &str, claims: &mut Claims) -> (u64, u64) {
    let documents = match Yaml::load_from_str(text) {
        Ok(documents) => documents,
        Err(error) => {
            claims.warnings.push(misunderstood(FILE, text, error.marker().line(), error.info()));
            return (PODS, IDS);
        }
    };
    let number = |node: Option<&Yaml>| node.and_then(Yaml::as_integer).and_then(|number| u64::try_from(number).ok());
    let Some(config) = documents.first() else { return (PODS, IDS) };
    let pods = number(config.as_mapping_get("maxPods")).filter(|pods| *pods > 0);
    let ids = number(config.as_mapping_get("userNamespaces").and_then(|part| part.as_mapping_get("idsPerPod")));
    (pods.unwrap_or(PODS), ids.filter(|ids| *ids > 0).unwrap_or(IDS))
}
