//! The profile that a container has by default, which decides as Podman's does.
//!
//! Three kinds of calls: those that are allowed; those that are refused with EPERM, since a program should be told that it may not; and all
//! others, which do not exist (ENOSYS), so that a program falls back to another one. What a capability stands for is allowed
//! together with it.

use oci::spec::{Seccomp, SeccompAction, SeccompArgument, SeccompOperator, SeccompRule};

use super::{ENOSYS, EPERM, abi::Abi};
use crate::capability::{CapSet, number};

const EINVAL: u32 = 22;
/// `AF_NETLINK`, and `NETLINK_AUDIT` as its protocol.
const NETLINK: u64 = 16;
const AUDIT: u64 = 9;

/// What every container may call.
const ALLOWED: &str = "_llseek _newselect accept accept4 access adjtimex alarm arch_prctl arm_fadvise64_64 arm_sync_file_range bind breakpoint \
    brk cacheflush capget capset chdir chmod chown chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 \
    clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 clone clone3 close close_range connect \
    copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait \
    epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate \
    fanotify_mark fchdir fchmod fchmodat fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork \
    fremovexattr fsconfig fsetxattr fsmount fsopen fspick fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate \
    ftruncate64 futex futex_time64 futimesat get_mempolicy get_robust_list get_thread_area getcpu getcwd getdents getdents64 \
    getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid \
    getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname \
    getsockopt gettid gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch \
    io_cancel io_destroy io_getevents io_setup io_submit ioctl ioprio_get ioprio_set ipc keyctl kill landlock_add_rule \
    landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listxattr llistxattr \
    lremovexattr lseek lsetxattr lstat lstat64 madvise mbind membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod \
    mknodat mlock mlock2 mlockall mmap mmap2 modify_ldt mount mount_setattr move_mount mprotect mq_getsetattr mq_notify \
    mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap msgctl msgget msgrcv \
    msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat open open_tree openat openat2 pause \
    pidfd_getfd pidfd_open pidfd_send_signal pipe pipe2 pivot_root pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 \
    prctl pread64 preadv preadv2 prlimit64 process_mrelease process_vm_readv process_vm_writev pselect6 pselect6_time64 ptrace \
    pwrite64 pwritev pwritev2 read readahead readdir readlink readlinkat readv reboot recv recvfrom recvmmsg recvmmsg_time64 \
    recvmsg remap_file_pages removexattr rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending \
    rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo \
    sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler \
    sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler \
    sched_yield seccomp select semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg \
    sendto set_mempolicy set_robust_list set_thread_area set_tid_address set_tls setfsgid setfsgid32 setfsuid setfsuid32 \
    setgid setgid32 setgroups setgroups32 setitimer setns setpgid setpriority setregid setregid32 setresgid setresgid32 \
    setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr shmat shmctl shmdt shmget \
    shutdown sigaction sigaltstack signal signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend socketcall socketpair \
    splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range sync_file_range2 syncfs syscall sysinfo \
    syslog tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime \
    timer_settime64 timerfd timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill \
    truncate truncate64 ugetrlimit umask umount umount2 uname unlink unlinkat unshare utime utimensat utimensat_time64 utimes \
    vfork wait4 waitid waitpid write writev";

/// Calls that came with later kernels and do nothing that an older one of these could not.
const NEWER: &str = "cachestat fchmodat2 file_getattr file_setattr futex_requeue futex_wait futex_waitv futex_wake getxattrat listmount \
    listxattrat lsm_get_self_attr lsm_list_modules lsm_set_self_attr map_shadow_stack mseal open_tree_attr removexattrat \
    set_mempolicy_home_node setxattrat statmount uretprobe";

/// What no container may call and is told so. Calls that are in no list of this page do not exist.
pub const EXPLICIT_ERRNO: &str = "bdflush io_pgetevents kexec_file_load kexec_load migrate_pages move_pages nfsservctl nice oldfstat oldlstat oldolduname \
    oldstat olduname pciconfig_iobase pciconfig_read pciconfig_write sgetmask ssetmask swapcontext swapoff swapon sysfs uselib \
    userfaultfd ustat vm86 vm86old vmsplice";

/// What takes a capability.
const WITH_CAPABILITY: [(&str, &str); 9] = [
    ("CAP_DAC_READ_SEARCH", "open_by_handle_at"),
    (
        "CAP_SYS_ADMIN",
        "bpf fanotify_init lookup_dcookie perf_event_open quotactl quotactl_fd setdomainname sethostname",
    ),
    ("CAP_SYS_CHROOT", "chroot"),
    ("CAP_SYS_MODULE", "delete_module finit_module init_module query_module"),
    ("CAP_SYS_PACCT", "acct"),
    ("CAP_SYS_PTRACE", "kcmp process_madvise"),
    ("CAP_SYS_RAWIO", "ioperm iopl"),
    ("CAP_SYS_TIME", "clock_settime clock_settime64 settimeofday stime"),
    ("CAP_SYS_TTY_CONFIG", "vhangup"),
];

/// The execution domains that do no harm: Linux with and without old `uname` answers, of 64 and of 32 bits; and the question.
const PERSONALITIES: [u64; 5] = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// The default profile for a container whose bounding set is `capabilities`: `linux.seccomp` of its config.json.
pub fn default_profile(capabilities: CapSet) -> Seccomp {
    let has = |name: &str| number(name).is_some_and(|number| capabilities.has(number));
    let mut syscalls = vec![
        rule(EXPLICIT_ERRNO, SeccompAction::Errno, Some(EPERM)),
        rule(&format!("{ALLOWED} {NEWER}"), SeccompAction::Allow, None),
    ];
    syscalls.extend(PERSONALITIES.map(|value| with("personality", &[compare(0, SeccompOperator::Equal, value)])));
    syscalls.extend(WITH_CAPABILITY.map(|(name, calls)| {
        if has(name) { rule(calls, SeccompAction::Allow, None) } else { rule(calls, SeccompAction::Errno, Some(EPERM)) }
    }));
    if has("CAP_AUDIT_WRITE") {
        syscalls.push(rule("socket", SeccompAction::Allow, None));
    } else {
        syscalls.extend(sockets_without_audit());
    }
    Seccomp {
        default_action: SeccompAction::Errno,
        default_errno_ret: Some(ENOSYS),
        architectures: Abi::HERE.iter().map(|abi| abi.name().to_owned()).collect(),
        syscalls,
        ..Seccomp::default()
    }
}

/// A program that wants to write to the audit log learns that there is none, and does without.
fn sockets_without_audit() -> [SeccompRule; 3] {
    let family = |op| compare(0, op, NETLINK);
    let protocol = |op| compare(2, op, AUDIT);
    let audit = [family(SeccompOperator::Equal), protocol(SeccompOperator::Equal)];
    [
        SeccompRule { action: SeccompAction::Errno, errno_ret: Some(EINVAL), ..with("socket", &audit) },
        with("socket", &[protocol(SeccompOperator::NotEqual)]),
        with("socket", &[family(SeccompOperator::NotEqual)]),
    ]
}

fn rule(names: &str, action: SeccompAction, errno_ret: Option<u32>) -> SeccompRule {
    let names = names.split_ascii_whitespace().map(str::to_owned).collect();
    SeccompRule { names, action, errno_ret, args: Vec::new() }
}

fn with(name: &str, args: &[SeccompArgument]) -> SeccompRule {
    SeccompRule { args: args.to_vec(), ..rule(name, SeccompAction::Allow, None) }
}

fn compare(index: u32, op: SeccompOperator, value: u64) -> SeccompArgument {
    SeccompArgument { index, value, value_two: 0, op }
}
