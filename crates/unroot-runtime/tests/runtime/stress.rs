//! Many containers, several at a time: nothing leaks.

use std::{
    process::{Command, Stdio},
    thread,
};

use crate::bundle::privileged;

const AT_A_TIME: u32 = 4;
const EACH: u32 = 25;

#[test]
fn privileged_a_hundred_containers() {
    let lives = |_| {
        thread::spawn(|| {
            privileged(|bundle| {
                bundle.sh("sleep 60");
                for _ in 0..EACH {
                    bundle.create().ok();
                    bundle.verb("start", &[]).ok();
                    bundle.verb("kill", &["KILL"]).ok();
                    bundle.wait_stopped();
                    bundle.verb("delete", &[]).ok();
                    bundle.nothing_is_left();
                }
            });
        })
    };
    let threads: Vec<_> = (0..AT_A_TIME).map(lives).collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn privileged_one_id_for_several_callers() {
    privileged(|bundle| {
        let create = |mut command: Command| {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
        };
        let commands: Vec<_> = (0..AT_A_TIME).map(|_| bundle.making("create")).collect();
        let threads: Vec<_> = commands.into_iter().map(|command| thread::spawn(move || create(command))).collect();
        let made = threads.into_iter().map(|thread| thread.join().unwrap()).filter(|made| *made).count();
        assert_eq!(made, 1);
        bundle.verb("delete", &["--force"]).ok();
    });
}
