//! A container as a document: what its record says, and how it is now.

use diag::Result;
use oci::Timestamp;
use serde_json::{Value as Json, json};

use crate::{
    Engine,
    config::{Config, MapRequest, Network, Rootfs},
    ps::{Row, State},
    request::Given,
};

/// What Go writes for a time that there is none of.
const NEVER: &str = "0001-01-01T00:00:00Z";

impl Engine<'_> {
    /// All about a container. Errors: UR0802, UR0809, UR0810.
    pub(super) fn inspect_container(&self, key: &Given<String>) -> Result<Json> {
        let target = self.target(key)?;
        let row = self.row(&target.config.id)?;
        Ok(document(&target.config, &row))
    }
}

fn document(config: &Config, row: &Row) -> Json {
    json!({
        "Id": config.id,
        "Created": time(Some(config.created)),
        "Path": config.args.first(),
        "Args": config.args.get(1..).unwrap_or_default(),
        "State": state(row),
        "Image": config.image_id.clone().unwrap_or_default(),
        "ImageName": if config.image_id.is_some() { config.image.as_str() } else { "" },
        "Rootfs": match &config.rootfs {
            Rootfs::Directory(path) => path.display().to_string(),
            Rootfs::Layers(_) => String::new(),
        },
        "Name": config.name,
        "OCIRuntime": "unroot-runtime",
        "Driver": "overlay",
        "Mounts": [],
        "NetworkSettings": {"Networks": {}, "Ports": {}},
        "Config": process(config),
        "HostConfig": host(config, row),
    })
}

fn state(row: &Row) -> Json {
    let (pid, running) = match row.state {
        State::Running { pid } => (pid, true),
        _ => (0, false),
    };
    let (exit, ended) = match row.state {
        State::Exited { code, at } => (code, Some(at)),
        _ => (0, None),
    };
    json!({
        "Status": row.state.word(),
        "Running": running,
        "Paused": false,
        "Restarting": false,
        "Dead": false,
        "Pid": pid,
        "ExitCode": exit,
        "StartedAt": time(row.started),
        "FinishedAt": time(ended),
    })
}

fn process(config: &Config) -> Json {
    let user = match (config.user.uid, config.user.gid) {
        (0, 0) => String::new(),
        (uid, gid) => format!("{uid}:{gid}"),
    };
    json!({
        "Hostname": config.hostname,
        "User": user,
        "Tty": config.tty,
        "OpenStdin": config.interactive,
        "Env": config.env,
        "Cmd": config.args,
        "Image": config.image,
        "WorkingDir": config.cwd,
        "StopSignal": config.stop_signal,
        "Labels": null,
        "Annotations": null,
    })
}

fn host(config: &Config, row: &Row) -> Json {
    let MapRequest { userns, uidmap, gidmap, subuidname, subgidname, .. } = &config.map;
    json!({
        "AutoRemove": config.remove,
        "NetworkMode": match config.network {
            Network::None => "none",
            Network::Host => "host",
        },
        "Privileged": config.privileged,
        "ReadonlyRootfs": config.read_only,
        "UsernsMode": userns.clone().unwrap_or_else(|| "private".to_owned()),
        // Of the running container, as `CONTAINER:HOST:COUNT`; what was asked for stands beside it.
        "IDMappings": {"UidMap": pieces(&row.uid_map)},
        "UidMapAsked": uidmap,
        "GidMapAsked": gidmap,
        "SubUidName": subuidname,
        "SubGidName": subgidname,
    })
}

fn pieces(map: &str) -> Vec<&str> {
    map.split(',').filter(|piece| !piece.is_empty()).collect()
}

fn time(seconds: Option<u64>) -> String {
    let seconds = seconds.and_then(|seconds| i64::try_from(seconds).ok());
    seconds.map_or_else(|| NEVER.to_owned(), |seconds| Timestamp(seconds).to_string())
}
