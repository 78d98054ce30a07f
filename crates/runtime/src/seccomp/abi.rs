//! The architectures whose programs a machine executes, and their system calls.
//!
//! A profile may name many architectures. Only calls of those that this machine executes can ever reach a filter, so only their
//! tables are part of the program; the others' names are known and mean nothing here.

#[cfg(any(test, target_arch = "aarch64"))]
use syscalls::{aarch64, arm};
#[cfg(any(test, target_arch = "x86_64"))]
use syscalls::{x86, x86_64};

/// The names of all architectures that a profile may have (config-linux.md "Seccomp").
pub const NAMES: [&str; 22] = [
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_ARM",
    "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_SH",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X86_64",
];

/// What distinguishes the calls of x32 from those of x86-64, with which it shares the architecture (`__X32_SYSCALL_BIT`).
pub(super) const X32_BIT: u32 = 0x4000_0000;

/// Calls of x32 that are not those of x86-64 with the bit set (`arch/x86/entry/syscalls/syscall_64.tbl`), from 512 on.
const X32_CALLS: &str = "rt_sigaction rt_sigreturn ioctl readv writev recvfrom sendmsg recvmsg execve ptrace rt_sigpending \
    rt_sigtimedwait rt_sigqueueinfo sigaltstack timer_create mq_notify kexec_load waitid set_robust_list get_robust_list vmsplice \
    move_pages preadv pwritev rt_tgsigqueueinfo recvmmsg sendmmsg process_vm_readv process_vm_writev setsockopt getsockopt io_setup \
    io_submit execveat preadv2 pwritev2";

/// Calls that x86-64 has and x32 has not, from the same table.
const NOT_X32_CALLS: &str = "uselib _sysctl create_module get_kernel_syms query_module nfsservctl set_thread_area get_thread_area \
    epoll_ctl_old epoll_wait_old vserver";

/// `socketcall(2)`: its functions, from 1 on (include/uapi/linux/net.h).
const SOCKET_CALLS: &str = "socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown \
    setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg";

/// `ipc(2)`: its functions (include/uapi/linux/ipc.h).
const IPC_CALLS: [(&str, u32); 12] = [
    ("semop", 1),
    ("semget", 2),
    ("semctl", 3),
    ("semtimedop", 4),
    ("msgsnd", 11),
    ("msgrcv", 12),
    ("msgget", 13),
    ("msgctl", 14),
    ("shmat", 21),
    ("shmdt", 22),
    ("shmget", 23),
    ("shmctl", 24),
];

/// Calls of 32-bit ARM that lie beside its table (arch/arm/include/uapi/asm/unistd.h, from `__ARM_NR_BASE` + 1 on).
#[cfg(any(test, target_arch = "aarch64"))]
const ARM_CALLS: &str = "breakpoint cacheflush usr26 usr32 set_tls get_tls";
#[cfg(any(test, target_arch = "aarch64"))]
const ARM_BASE: u32 = 0xf_0000;

/// A binary interface to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "a machine has those that it executes")]
pub(super) enum Abi {
    X86_64,
    X86,
    X32,
    Aarch64,
    Arm,
}

impl Abi {
    /// Those whose programs this machine executes; its own is the first.
    #[cfg(target_arch = "x86_64")]
    pub(super) const HERE: &[Abi] = &[Abi::X86_64, Abi::X86, Abi::X32];
    /// Those whose programs this machine executes; its own is the first.
    #[cfg(target_arch = "aarch64")]
    pub(super) const HERE: &[Abi] = &[Abi::Aarch64, Abi::Arm];

    /// Its name in a profile.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Abi::X86_64 => "SCMP_ARCH_X86_64",
            Abi::X86 => "SCMP_ARCH_X86",
            Abi::X32 => "SCMP_ARCH_X32",
            Abi::Aarch64 => "SCMP_ARCH_AARCH64",
            Abi::Arm => "SCMP_ARCH_ARM",
        }
    }

    /// What a filter sees as the architecture (`AUDIT_ARCH_*`, include/uapi/linux/audit.h).
    pub(super) const fn audit(self) -> u32 {
        match self {
            Abi::X86_64 | Abi::X32 => 0xc000_003e,
            Abi::X86 => 0x4000_0003,
            Abi::Aarch64 => 0xc000_00b7,
            Abi::Arm => 0x4000_0028,
        }
    }

    /// Whether arguments have 64 bits: those of x32 have, since its calls are those of x86-64.
    pub(super) const fn is_wide(self) -> bool {
        matches!(self, Abi::X86_64 | Abi::X32 | Abi::Aarch64)
    }

    /// Its calls: names and numbers.
    pub(super) fn calls(self) -> Vec<(&'static str, u32)> {
        match self {
            #[cfg(any(test, target_arch = "x86_64"))]
            Abi::X86_64 => x86_64::Sysno::iter().map(|call| (call.name(), number(call.id()))).collect(),
            #[cfg(any(test, target_arch = "x86_64"))]
            Abi::X86 => x86::Sysno::iter().map(|call| (call.name(), number(call.id()))).collect(),
            #[cfg(any(test, target_arch = "x86_64"))]
            Abi::X32 => {
                let own: Vec<_> = X32_CALLS.split_ascii_whitespace().zip(512 | X32_BIT..).collect();
                let lacks = |name: &str| NOT_X32_CALLS.split_ascii_whitespace().any(|lacking| lacking == name);
                let shared = Abi::X86_64.calls().into_iter();
                let shared = shared.filter(|(name, _)| !lacks(name) && !own.iter().any(|(own, _)| own == name));
                shared.map(|(name, number)| (name, number | X32_BIT)).chain(own.iter().copied()).collect()
            }
            #[cfg(any(test, target_arch = "aarch64"))]
            Abi::Aarch64 => aarch64::Sysno::iter().map(|call| (call.name(), number(call.id()))).collect(),
            #[cfg(any(test, target_arch = "aarch64"))]
            Abi::Arm => {
                // One call has two names.
                let own = ARM_CALLS.split_ascii_whitespace().zip(ARM_BASE + 1..).chain([("sync_file_range2", 341)]);
                arm::Sysno::iter().map(|call| (call.name(), number(call.id()))).chain(own).collect()
            }
            #[allow(unreachable_patterns, reason = "those of other machines, where there are some")]
            _ => Vec::new(),
        }
    }

    /// The call behind which another hides, and the number of that one as its first argument: `socketcall(2)` and `ipc(2)`.
    pub(super) fn multiplexed(self) -> Vec<(&'static str, &'static str, u32)> {
        if self != Abi::X86 {
            return Vec::new();
        }
        let sockets = SOCKET_CALLS.split_ascii_whitespace().zip(1..).map(|(name, number)| (name, "socketcall", number));
        sockets.chain(IPC_CALLS.into_iter().map(|(name, number)| (name, "ipc", number))).collect()
    }
}

fn number(id: i32) -> u32 {
    u32::try_from(id).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_all_architectures() {
        let number = |abi: Abi, name: &str| abi.calls().into_iter().find(|(known, _)| *known == name).map(|(_, nr)| nr);
        assert_eq!(number(Abi::X86_64, "execve"), Some(59));
        assert_eq!(number(Abi::X86, "execve"), Some(11));
        assert_eq!(number(Abi::X32, "execve"), Some(520 + X32_BIT));
        assert_eq!(number(Abi::X32, "pwritev2"), Some(547 + X32_BIT));
        assert_eq!(number(Abi::X32, "read"), Some(X32_BIT));
        assert_eq!(number(Abi::Aarch64, "execve"), Some(221));
        assert_eq!(number(Abi::Arm, "execve"), Some(11));
        assert_eq!(number(Abi::Arm, "set_tls"), Some(0xf_0005));
        assert!(Abi::HERE.iter().all(|abi| NAMES.contains(&abi.name())));
    }
}
