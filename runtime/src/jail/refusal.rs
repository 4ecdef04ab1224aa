//! Why a machine refuses a part of the jail, and what can be done about it: an error number and what the machine
//! says of itself, to a cause.
//!
//! What must stay true: facts explain a refusal that came; whether a part can be had is found out by trying it.
//! Clauses: JAIL-18, JAIL-42, JAIL-43.

use std::fmt;

use super::level::{Level, Part};

/// What a machine says of itself, as far as it explains refusals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its version of Linux: major and minor.
    pub kernel: (u32, u32),
    /// Whether a seccomp filter is over this process.
    pub filtered: bool,
    /// The sysctl `user.max_user_namespaces` of this user namespace.
    pub max_user_namespaces: Option<u64>,
    /// The sysctl `vm.memfd_noexec` (Linux 6.3).
    pub memfd_noexec: Option<u64>,
    /// Debian's sysctl `kernel.unprivileged_userns_clone`.
    pub unprivileged_userns_clone: Option<u64>,
    /// The sysctl `kernel.apparmor_restrict_unprivileged_userns` (Ubuntu 23.10).
    pub apparmor_restricts: bool,
    /// Whether something is mounted over a part of /proc, as container engines do.
    pub proc_is_masked: bool,
    /// Whether /proc shows another pid namespace than this process's.
    pub proc_is_foreign: bool,
    /// The security modules in force, where the machine says (`/sys/kernel/security/lsm`).
    pub modules: Option<String>,
    /// Whether the caller is root.
    pub root: bool,
}

/// Why a part can't be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A sysctl forbids user namespaces or counts them.
    Sysctl {
        /// Its name.
        name: &'static str,
        /// What it is.
        value: u64,
        /// What it should be.
        wanted: u64,
    },
    /// As many namespaces as are allowed are there already, or they are nested too deeply.
    TooMany,
    /// AppArmor keeps programs without a profile from using user namespaces.
    AppArmor,
    /// A seccomp filter over this process answers the call.
    Filter,
    /// Container engines hide parts of /proc, and the kernel then lets nobody mount a whole one.
    MaskedProc,
    /// /proc shows another pid namespace: no process is found there under its number.
    ForeignProc,
    /// This Linux is older than the part.
    OldKernel {
        /// What it takes.
        needs: (u32, u32),
        /// What is there.
        has: (u32, u32),
    },
    /// This Linux was built without it.
    NotBuilt,
    /// It is built in, and was switched off at the boot.
    SwitchedOff,
    /// The kernel or a security module says no.
    Forbidden,
    /// Too little memory, or too many processes.
    NoRoom,
    /// Something else.
    Other(i32),
}

impl Cause {
    /// The cause of `errno` on a try at `part`.
    pub fn of(part: Part, errno: i32, facts: &Facts) -> Cause {
        let old = facts.kernel < part.since();
        match errno {
            libc::EPERM | libc::EACCES | libc::ENOENT if facts.proc_is_foreign && part.needs_namespaces() => {
                Cause::ForeignProc
            }
            libc::ENOSPC | libc::EUSERS => match facts.max_user_namespaces {
                Some(0) => Cause::Sysctl { name: "user.max_user_namespaces", value: 0, wanted: 15_000 },
                _ => Cause::TooMany,
            },
            libc::ENOMEM | libc::EAGAIN => Cause::NoRoom,
            // A filter may answer whatever it likes; an old kernel doesn't know the call.
            libc::ENOSYS if !old && facts.filtered => Cause::Filter,
            libc::ENOSYS | libc::EINVAL if old => Cause::OldKernel { needs: part.since(), has: facts.kernel },
            libc::ENOSYS | libc::EINVAL => Cause::NotBuilt,
            libc::EOPNOTSUPP => Cause::SwitchedOff,
            libc::EACCES if part == Part::Memfd && facts.memfd_noexec == Some(2) => {
                Cause::Sysctl { name: "vm.memfd_noexec", value: 2, wanted: 0 }
            }
            libc::EPERM | libc::EACCES => Cause::of_a_ban(part, facts),
            _ if facts.filtered => Cause::Filter,
            other => Cause::Other(other),
        }
    }

    /// EPERM and EACCES have many fathers: user_namespaces(7), AppArmor, filters, mounts that are locked.
    fn of_a_ban(part: Part, facts: &Facts) -> Cause {
        if part.needs_namespaces() && facts.unprivileged_userns_clone == Some(0) && !facts.root {
            return Cause::Sysctl { name: "kernel.unprivileged_userns_clone", value: 0, wanted: 1 };
        }
        if part.needs_namespaces() && facts.apparmor_restricts && !facts.root {
            return Cause::AppArmor;
        }
        if part == Part::Processes && facts.proc_is_masked {
            return Cause::MaskedProc;
        }
        if facts.filtered { Cause::Filter } else { Cause::Forbidden }
    }

    /// What can be done about it.
    pub fn remedy(&self, part: Part) -> String {
        match self {
            Cause::Sysctl { name, wanted, .. } => format!("set it: sysctl -w {name}={wanted}"),
            Cause::TooMany => "raise the sysctls user.max_*_namespaces, or nest less deeply".to_owned(),
            Cause::AppArmor => "install the profile that `ww doctor --apparmor` prints".to_owned(),
            Cause::Filter => "allow it in the filter of the container or service that this runs in (docker: \
                              --security-opt seccomp=PROFILE)"
                .to_owned(),
            Cause::MaskedProc => "have the container engine show all of /proc (docker: --security-opt \
                                  systempaths=unconfined)"
                .to_owned(),
            Cause::ForeignProc => "mount a /proc of this pid namespace (unshare: --mount-proc)".to_owned(),
            Cause::OldKernel { needs: (major, minor), .. } => format!("run Linux {major}.{minor} or newer"),
            Cause::NotBuilt => "run a Linux that is built with it".to_owned(),
            Cause::SwitchedOff => "enable it at the boot: add landlock to the list of lsm=".to_owned(),
            Cause::Forbidden if part.needs_namespaces() => "allow user namespaces and mounts in the policy of the \
                                                            security module or container engine, and don't run in a \
                                                            chroot"
                .to_owned(),
            Cause::Forbidden => "allow it in the policy of the security module or container engine".to_owned(),
            Cause::NoRoom => "free memory, or raise the limit of processes (ulimit -u, pids.max)".to_owned(),
            Cause::Other(_) => "see what `ww doctor` says of the other parts".to_owned(),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Sysctl { name, value, .. } => write!(f, "the sysctl {name} is {value}"),
            Cause::TooMany => f.write_str("the limit of namespaces is reached"),
            Cause::AppArmor => f.write_str(
                "AppArmor restricts unprivileged user namespaces (kernel.apparmor_restrict_unprivileged_userns)",
            ),
            Cause::Filter => f.write_str("a seccomp filter over this process refuses it, as containers have"),
            Cause::MaskedProc => f.write_str("parts of /proc are masked here, as in containers"),
            Cause::ForeignProc => f.write_str("/proc shows another pid namespace than this one"),
            Cause::OldKernel { needs, has } => {
                write!(f, "it needs Linux {}.{}, and this is {}.{}", needs.0, needs.1, has.0, has.1)
            }
            Cause::NotBuilt => f.write_str("this Linux is built without it"),
            Cause::SwitchedOff => f.write_str("it was switched off when this Linux was booted"),
            Cause::Forbidden => f.write_str("this kernel or a security module forbids it"),
            Cause::NoRoom => f.write_str("there is no memory, or there are too many processes"),
            Cause::Other(errno) => std::io::Error::from_raw_os_error(*errno).fmt(f),
        }
    }
}

/// A part that this machine refuses: its cause, what to do, and the next level.
#[derive(Debug, thiserror::Error)]
#[error("{cause}; {}{}", .cause.remedy(*.part), offer(*.part, *.level))]
pub struct Refusal {
    /// The part.
    pub part: Part,
    /// Why.
    pub cause: Cause,
    /// The level that was asked for.
    pub level: Level,
}

/// The strongest weaker level that does without the part.
fn offer(part: Part, level: Level) -> String {
    let mut weaker = level.weaker();
    while let Some(level) = weaker {
        if !level.has(part) {
            return format!("; or ask for less isolation: --jail {level}");
        }
        weaker = level.weaker();
    }
    String::new()
}

/// Whether Landlock is there and hidden: then a promise of "where the kernel has it" isn't kept by leaving it out.
/// A kernel without it says ENOSYS, as may a filter; what its own list of modules doesn't name isn't there.
pub fn landlock_is_hidden(errno: i32, facts: &Facts) -> bool {
    match errno {
        libc::EOPNOTSUPP => false,
        libc::ENOSYS => {
            let named = facts.modules.as_ref().is_none_or(|modules| modules.split(',').any(|name| name == "landlock"));
            facts.filtered && facts.kernel >= Part::Landlock.since() && named
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts { kernel: (6, 1), max_user_namespaces: Some(9), ..Facts::default() }
    }

    #[test]
    fn jail_42_each_cause_is_told_from_the_others() {
        let user = Part::UserNamespace;
        let none = Facts { max_user_namespaces: Some(0), ..facts() };
        let debian = Facts { unprivileged_userns_clone: Some(0), ..facts() };
        let ubuntu = Facts { apparmor_restricts: true, ..facts() };
        let docker = Facts { filtered: true, ..facts() };
        let old = Facts { kernel: (4, 9), ..facts() };
        let name = "user.max_user_namespaces";
        assert_eq!(Cause::of(user, libc::ENOSPC, &none), Cause::Sysctl { name, value: 0, wanted: 15_000 });
        assert_eq!(Cause::of(user, libc::ENOSPC, &facts()), Cause::TooMany);
        assert!(matches!(Cause::of(user, libc::EPERM, &debian), Cause::Sysctl { wanted: 1, .. }));
        assert_eq!(Cause::of(user, libc::EACCES, &ubuntu), Cause::AppArmor);
        assert_eq!(Cause::of(user, libc::EPERM, &docker), Cause::Filter);
        assert_eq!(Cause::of(user, libc::EPERM, &facts()), Cause::Forbidden);
        assert_eq!(Cause::of(Part::Clone, libc::ENOSYS, &docker), Cause::Filter);
        assert_eq!(Cause::of(Part::Mounts, libc::ENOSYS, &old), Cause::OldKernel { needs: (5, 12), has: (4, 9) });
        assert_eq!(Cause::of(user, libc::EINVAL, &facts()), Cause::NotBuilt);
        assert_eq!(Cause::of(Part::Landlock, libc::EOPNOTSUPP, &facts()), Cause::SwitchedOff);
        let foreign = Facts { proc_is_foreign: true, ..facts() };
        assert_eq!(Cause::of(Part::IdMaps, libc::EPERM, &foreign), Cause::ForeignProc);
        let memfd = Facts { memfd_noexec: Some(2), ..facts() };
        assert!(matches!(Cause::of(Part::Memfd, libc::EACCES, &memfd), Cause::Sysctl { wanted: 0, .. }));
    }

    #[test]
    fn jail_42_root_is_not_told_of_what_binds_others() {
        let root = Facts { apparmor_restricts: true, unprivileged_userns_clone: Some(0), root: true, ..facts() };
        assert_eq!(Cause::of(Part::UserNamespace, libc::EPERM, &root), Cause::Forbidden);
    }

    #[test]
    fn jail_43_the_next_level_that_does_without_the_part_is_offered_by_name() {
        let told = |part, level| Refusal { part, cause: Cause::Filter, level }.to_string();
        assert!(told(Part::UserNamespace, Level::Full).ends_with("--jail restricted"));
        assert!(told(Part::Landlock, Level::Full).ends_with("--jail none"));
        assert!(told(Part::Landlock, Level::Restricted).ends_with("--jail none"));
        assert!(!told(Part::Handles, Level::Full).contains("--jail"));
    }

    #[test]
    fn trap_16_every_cause_has_a_remedy() {
        for part in Part::ALL {
            for errno in [libc::EPERM, libc::EACCES, libc::ENOSPC, libc::ENOSYS, libc::EINVAL, libc::ENOMEM, libc::EIO]
            {
                for filtered in [false, true] {
                    let cause = Cause::of(part, errno, &Facts { filtered, ..facts() });
                    assert!(!cause.remedy(part).is_empty() && !cause.to_string().is_empty());
                }
            }
        }
    }

    #[test]
    fn jail_44_a_filter_that_hides_landlock_is_no_old_kernel() {
        let filtered = Facts { filtered: true, ..facts() };
        assert!(landlock_is_hidden(libc::ENOSYS, &filtered));
        assert!(landlock_is_hidden(libc::EPERM, &facts()));
        assert!(!landlock_is_hidden(libc::ENOSYS, &facts()));
        assert!(!landlock_is_hidden(libc::EOPNOTSUPP, &filtered));
        assert!(!landlock_is_hidden(libc::ENOSYS, &Facts { kernel: (5, 10), ..filtered.clone() }));
        let modules = Some("capability,yama,apparmor".to_owned());
        assert!(!landlock_is_hidden(libc::ENOSYS, &Facts { modules, ..filtered }));
    }
}
