//! Texts for people: help and version.

use std::{io::Write, process::ExitCode};

use diag::{Error, Result, codes};

const ALL: &str = "\
unroot-runtime: an OCI runtime in which a user namespace is the normal case

USAGE:
    unroot-runtime [OPTIONS] VERB [VERB OPTIONS] [WORDS]

VERBS:
    create ID           make the container of a bundle; it waits for `start`
    start ID            let its command execute
    run ID              create and start, then wait, forward signals, and delete
    exec ID COMMAND     run a further process in a container
    state ID            print its state as JSON
    kill ID [SIGNAL]    send a signal to its first process (SIGTERM)
    delete ID           remove a container that has stopped
    list                list the containers
    pause ID            let all its processes stand still
    resume ID           let them go on
    update ID           set other limits
    events ID           print what it uses, and when its memory runs out, as JSON
    ps ID               print its processes
    spec                write a config.json to start from
    features            print what this runtime can do, as JSON

OPTIONS:
    --root DIR          where the containers' states are
                        (/run/unroot-runtime; for an ordinary user $XDG_RUNTIME_DIR/unroot-runtime)
    --log FILE          append errors and warnings to FILE too
    --log-format FORMAT text (the default) or json
    --rootless WORD     false: a container that would run without a control group is refused; true and auto (the
                        default): it runs, with a warning
    --debug             log every step of a container's set-up too
    --version, --help

`unroot-runtime VERB --help` tells a verb's options.
";

const VERBS: [(&str, &str); 15] = [
    ("create", CREATE),
    ("run", RUN),
    ("exec", EXEC),
    (
        "start",
        "unroot-runtime start ID\n\nLets the command of a created container execute. Fails with the command's own diagnosis if it cannot be executed.\n",
    ),
    (
        "state",
        "unroot-runtime state ID\n\nPrints the container's state as JSON (OCI runtime specification, \"State\").\n",
    ),
    (
        "kill",
        "unroot-runtime kill [--all] ID [SIGNAL]\n\nSends a signal, by name or number, to the container's first process; SIGTERM if none is given.\n\n    -a, --all    to all processes of the container\n",
    ),
    (
        "delete",
        "unroot-runtime delete [--force] ID\n\nRemoves what is left of a container that has stopped, and runs its poststop hooks.\n\n    -f, --force    kill it first; one that does not exist is no error\n",
    ),
    (
        "list",
        "unroot-runtime list [--format table|json] [--quiet]\n\nLists the containers below --root.\n\n    -f, --format FORMAT    table (the default) or json\n    -q, --quiet            ids only\n",
    ),
    (
        "spec",
        "unroot-runtime spec [--bundle DIR] [--rootless]\n\nWrites a config.json for the root filesystem `rootfs` beside it, with a user namespace: container ids 0 to 65535 are host ids\n524288 to 589823 and the files of the root filesystem keep the ids that the container sees. With --rootless, the one id of the caller is 0.\n\n    -b, --bundle DIR    where to write it (.)\n    --rootless          for an ordinary user\n",
    ),
    ("pause", "unroot-runtime pause ID\n\nLets all processes of the container stand still.\n"),
    ("resume", "unroot-runtime resume ID\n\nLets the processes of a paused container go on.\n"),
    ("update", UPDATE),
    ("events", EVENTS),
    ("ps", PS),
    (
        "features",
        "unroot-runtime features\n\nPrints what this runtime can do, as JSON (OCI runtime specification, \"features\").\n",
    ),
];

const CREATE: &str = "\
unroot-runtime create [OPTIONS] ID

Makes the container of a bundle: namespaces, mounts, control groups, ids. Its command does not run before `start`.

    -b, --bundle DIR          the bundle (.)
    --pid-file FILE           write the pid of its first process there
    --console-socket SOCKET   send the master of its terminal there (process.terminal)
    --preserve-fds N          hand the descriptors 3 to 2 + N to the command
    --no-pivot                move the root mount and chroot, instead of pivot_root
    --idmap-root              the root filesystem's files carry container ids: mount it idmapped
                              (like the annotation org.unroot.root.idmap=true)
";

const UPDATE: &str = "\
unroot-runtime update [OPTIONS] ID

Sets other limits for a container. Sizes are bytes, or have one of the units k, m, g, t; -1 takes a limit away.

    -r, --resources FILE        read them from FILE, or from standard input (-): JSON like linux.resources of config.json
    --memory SIZE               memory
    --memory-reservation SIZE   memory that is kept when others want some
    --memory-swap SIZE          memory and swap together
    --kernel-memory-tcp SIZE    the kernel's memory for TCP (version 1 of control groups)
    --cpu-share N, --cpu-period US, --cpu-quota US, --cpu-burst US, --cpu-idle 0|1
    --cpu-rt-period US, --cpu-rt-runtime US
    --cpuset-cpus LIST, --cpuset-mems LIST
    --blkio-weight N            10 to 1000
    --pids-limit N              processes
";

const EVENTS: &str = "\
unroot-runtime events [--stats] [--interval TIME] ID

Prints what a container uses, again and again until it ends, and that the kernel killed one of its processes because memory ran out: a line of
JSON each, like runc's.

    --stats            once, and end
    --interval TIME    how often (5s)
";

const PS: &str = "\
unroot-runtime ps [--format table|json] ID [PS OPTIONS]

Prints the processes of a container: what the host's `ps` (with -ef, or the given options) has about them, or their pids.

    -f, --format FORMAT    table (the default) or json
";

const RUN: &str = "\
unroot-runtime run [OPTIONS] ID

Creates and starts a container, forwards signals to it, waits for it and removes it. Exits with its exit status, 128 + n if signal n
killed it.

    -d, --detach              do not wait
    --keep                    do not remove it afterwards
    and the options of `create`
";

const EXEC: &str = "\
unroot-runtime exec [OPTIONS] ID COMMAND [ARGUMENTS]
unroot-runtime exec [OPTIONS] --process FILE ID

Runs a further process in a container, by default like the container's own process but for its command. Forwards signals to it and exits
with its exit status, 128 + n if signal n killed it, 255 if it could not be run.

    -p, --process FILE          what is executed, as JSON: like `process` of a config.json
    -d, --detach                do not wait
    -t, --tty                   give it a terminal
    --console-socket SOCKET     send the master of its terminal there
    --pid-file FILE             write its pid there
    -u, --user UID[:GID]        as whom
    -g, --additional-gids GID   with this group too
    -e, --env NAME=VALUE        with this variable too
    --cwd DIR                   in this directory
    -c, --cap NAME              with this capability too
    --no-new-privs              it can gain nothing by executing
    --apparmor PROFILE          under this profile
    --process-label LABEL       with this SELinux label
    --preserve-fds N            hand it the descriptors 3 to 2 + N
    --cgroup [CONTROLLER:]PATH  in this group below the container's
    --ignore-paused             even if the container is paused: then it begins when that is resumed
";

/// The verb whose help an error asks for.
pub fn verb_of(error: &Error) -> Option<&str> {
    match &error.report().cause {
        Some(diag::Cause::Words(verb)) => Some(verb),
        _ => None,
    }
}

/// Prints help.
pub fn print(verb: Option<&str>) -> Result<ExitCode> {
    let text = verb.and_then(|verb| VERBS.iter().find(|(name, _)| *name == verb)).map_or(ALL, |(_, text)| text);
    say(text)
}

/// Prints the version, in the form in which runc does: engines read its first line.
pub fn version() -> Result<ExitCode> {
    say(&format!("unroot-runtime version {}\nspec: {}\n", env!("CARGO_PKG_VERSION"), runtime::state::OCI_VERSION))
}

/// Prints a text. That nobody reads on (`| head`) is no failure.
pub fn say(text: &str) -> Result<ExitCode> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::new(codes::UR0606, "standard output cannot be written").words(error))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
