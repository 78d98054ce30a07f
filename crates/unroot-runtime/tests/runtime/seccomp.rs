//! `linux.seccomp` in a container.

use std::{
    io::{IoSliceMut, Read},
    mem::MaybeUninit,
    os::{fd::OwnedFd, unix::net::UnixListener},
};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde_json::{Value, json};

use crate::bundle::{Bundle, privileged};

/// A profile that allows everything but `mkdir` and `mkdirat`.
fn without_mkdir(action: &Value) -> Value {
    let mut rule = json!({"names": ["mkdir", "mkdirat"]});
    rule.as_object_mut().unwrap().extend(action.as_object().unwrap().clone());
    json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]})
}

fn errno(errno: u32) -> Value {
    json!({"action": "SCMP_ACT_ERRNO", "errnoRet": errno})
}

#[test]
fn privileged_calls_are_refused_as_the_profile_says() {
    privileged(|bundle| {
        bundle.set("/root/readonly", false).sh("mkdir /x; grep Seccomp: /proc/self/status");
        for gains_nothing in [true, false] {
            bundle.set("/process/noNewPrivileges", gains_nothing);
            let ran = bundle.set("/linux/seccomp", without_mkdir(&errno(28))).run();
            assert!(ran.stderr.contains("No space left"), "{ran:?}");
            assert_eq!(ran.ok().split_ascii_whitespace().last(), Some("2"));
        }
    });
}

#[test]
fn privileged_a_process_without_rights_is_filtered_too() {
    privileged(|bundle| {
        bundle.set("/process/user", json!({"uid": 1000, "gid": 1000})).set("/process/noNewPrivileges", false);
        bundle
            .set("/linux/seccomp", without_mkdir(&errno(28)))
            .sh("mkdir /tmp/x; grep -E 'Seccomp:|CapEff' /proc/self/status");
        let ran = bundle.run();
        assert!(ran.stderr.contains("No space left"), "{ran:?}");
        let said: Vec<_> = ran.ok().split_ascii_whitespace().collect();
        assert_eq!(said, ["CapEff:", "0000000000000000", "Seccomp:", "2"]);
    });
}

#[test]
fn privileged_a_thread_is_killed() {
    privileged(|bundle| {
        bundle
            .set("/linux/seccomp", without_mkdir(&json!({"action": "SCMP_ACT_KILL_PROCESS"})))
            .args(&["/bin/mkdir", "/x"]);
        let ran = bundle.run();
        assert_eq!(ran.status, 128 + 31, "{ran:?}");
    });
}

#[test]
fn privileged_what_is_no_profile_is_refused() {
    privileged(|bundle| {
        bundle.set("/linux/seccomp", json!({"defaultAction": "SCMP_ACT_PERHAPS"}));
        bundle.run().refused("UR0402", "linux.seccomp.defaultAction", &["SCMP_ACT_PERHAPS"]);
        bundle.set("/linux/seccomp", json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_Z80"]}));
        bundle.run().refused("UR0402", "linux.seccomp.architectures[0]", &["SCMP_ARCH_Z80"]);
    });
}

/// What an agent is told, and the descriptor that comes with it.
fn hear(listener: &UnixListener) -> (Value, OwnedFd) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut bytes = vec![0; 64 * 1024];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let got =
        recvmsg(&stream, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC).unwrap().bytes;
    let mut descriptors: Vec<OwnedFd> = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    bytes.truncate(got);
    stream.read_to_end(&mut bytes).unwrap();
    (serde_json::from_slice(&bytes).unwrap(), descriptors.pop().unwrap())
}

fn notifying(bundle: &mut Bundle) -> UnixListener {
    let socket = bundle.outside().join("agent");
    let mut profile = without_mkdir(&json!({"action": "SCMP_ACT_NOTIFY"}));
    profile["listenerPath"] = json!(socket);
    profile["listenerMetadata"] = json!("who cares");
    bundle.set("/linux/seccomp", profile).sh("mkdir /tmp/x || echo refused");
    UnixListener::bind(socket).unwrap()
}

#[test]
fn privileged_an_agent_is_given_the_container() {
    privileged(|bundle| {
        let listener = notifying(bundle);
        bundle.create().ok();
        let pid = bundle.pid();
        std::thread::scope(|scope| {
            let agent = scope.spawn(|| hear(&listener));
            bundle.verb("start", &[]).ok();
            let (told, descriptor) = agent.join().unwrap();
            assert_eq!((&told["fds"], &told["metadata"]), (&json!(["seccompFd"]), &json!("who cares")));
            assert_eq!((&told["pid"], &told["state"]["id"]), (&json!(pid), &json!(bundle.id)));
            // An agent that goes away leaves calls that do not exist.
            drop(descriptor);
        });
        bundle.wait_stopped();
        assert_eq!(bundle.said().trim_end(), "refused");
        bundle.verb("delete", &[]).ok();
    });
}

#[test]
fn privileged_an_agent_that_is_not_there_is_named() {
    privileged(|bundle| {
        drop(notifying(bundle));
        bundle.run().refused("UR0421", "linux.seccomp.listenerPath", &["agent", "ECONNREFUSED"]);
    });
}
