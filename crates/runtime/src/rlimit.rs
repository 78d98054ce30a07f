//! `process.rlimits` as setrlimit(2) takes them.

use diag::{Error, Pointer, Result, codes};
use oci::{
    Source,
    spec::{Rlimit as Asked, RlimitKind},
};
use rustix::process::{Resource, Rlimit};

/// `RLIM_INFINITY` as the kernel's 64-bit calls have it.
const INFINITY: u64 = u64::MAX;

/// Converts and checks the whole list: a resource named twice, or a soft limit above its hard limit, is refused (UR0509)
/// before anything is made; the kernel would say EINVAL to the second and nothing to the first.
pub fn from_spec(limits: &[Asked], source: &Source) -> Result<Vec<(Resource, Rlimit)>> {
    let mut converted: Vec<(Resource, Rlimit)> = Vec::with_capacity(limits.len());
    for (index, limit) in limits.iter().enumerate() {
        let resource = resource(limit.kind);
        if converted.iter().any(|(earlier, _)| *earlier == resource) {
            return Err(refused(source, index, format!("`{}` is given twice", limit.kind)));
        }
        if limit.soft > limit.hard {
            let what = format!(
                "the soft limit {} of `{}` is above its hard limit {}",
                shown(limit.soft),
                limit.kind,
                shown(limit.hard)
            );
            return Err(refused(source, index, what));
        }
        converted.push((resource, Rlimit { current: finite(limit.soft), maximum: finite(limit.hard) }));
    }
    Ok(converted)
}

fn refused(source: &Source, index: usize, what: String) -> Error {
    Error::new(codes::UR0509, what).at(source.at(Pointer::new("/process/rlimits").child(index)))
}

fn finite(value: u64) -> Option<u64> {
    (value != INFINITY).then_some(value)
}

fn shown(value: u64) -> String {
    finite(value).map_or_else(|| "unlimited".to_owned(), |value| value.to_string())
}

/// The kernel's resource of a name. (A name that is none of these does not parse as a config.json.)
fn resource(name: RlimitKind) -> Resource {
    match name {
        RlimitKind::RlimitCpu => Resource::Cpu,
        RlimitKind::RlimitFsize => Resource::Fsize,
        RlimitKind::RlimitData => Resource::Data,
        RlimitKind::RlimitStack => Resource::Stack,
        RlimitKind::RlimitCore => Resource::Core,
        RlimitKind::RlimitRss => Resource::Rss,
        RlimitKind::RlimitNproc => Resource::Nproc,
        RlimitKind::RlimitNofile => Resource::Nofile,
        RlimitKind::RlimitMemlock => Resource::Memlock,
        RlimitKind::RlimitAs => Resource::As,
        RlimitKind::RlimitLocks => Resource::Locks,
        RlimitKind::RlimitSigpending => Resource::Sigpending,
        RlimitKind::RlimitMsgqueue => Resource::Msgqueue,
        RlimitKind::RlimitNice => Resource::Nice,
        RlimitKind::RlimitRtprio => Resource::Rtprio,
        RlimitKind::RlimitRttime => Resource::Rttime,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> Result<Vec<(Resource, Rlimit)>> {
        from_spec(&serde_json::from_str::<Vec<Asked>>(json).unwrap(), &Source::new("config.json", json))
    }

    #[test]
    fn all_sixteen_convert() {
        let names = [
            "CPU",
            "FSIZE",
            "DATA",
            "STACK",
            "CORE",
            "RSS",
            "NPROC",
            "NOFILE",
            "MEMLOCK",
            "AS",
            "LOCKS",
            "SIGPENDING",
            "MSGQUEUE",
            "NICE",
            "RTPRIO",
            "RTTIME",
        ];
        let items: Vec<String> =
            names.iter().map(|name| format!(r#"{{"type":"RLIMIT_{name}","soft":1,"hard":2}}"#)).collect();
        let limits = parsed(&format!("[{}]", items.join(","))).unwrap();
        // Their numbers are the kernel's, 0 to 15, in this order (include/uapi/asm-generic/resource.h).
        assert!(limits.iter().enumerate().all(|(number, (resource, _))| *resource as usize == number));
    }

    #[test]
    fn the_largest_number_is_no_limit() {
        let limits =
            parsed(r#"[{"type":"RLIMIT_CORE","soft":18446744073709551614,"hard":18446744073709551615}]"#).unwrap();
        assert_eq!(limits, [(Resource::Core, Rlimit { current: Some(u64::MAX - 1), maximum: None })]);
    }

    #[test]
    fn contradictions_are_refused() {
        let twice = r#"[{"type":"RLIMIT_AS","soft":1,"hard":1},{"type":"RLIMIT_AS","soft":2,"hard":2}]"#;
        assert_eq!(parsed(twice).unwrap_err().to_string(), "`RLIMIT_AS` is given twice");
        let above = r#"[{"type":"RLIMIT_AS","soft":18446744073709551615,"hard":1}]"#;
        let error = parsed(above).unwrap_err();
        assert_eq!(error.code(), codes::UR0509);
        assert_eq!(error.to_string(), "the soft limit unlimited of `RLIMIT_AS` is above its hard limit 1");
    }
}
