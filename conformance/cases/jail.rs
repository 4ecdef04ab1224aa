//! The jail, as far as a cell can see it: namespaces, what it may do, and its view of the system.

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use serde_json::Value;

use crate::adapter::Caller;
use crate::facts::Facts;
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, fail, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(jail_01_seven_namespaces_are_its_own),
    case!(jail_02_no_capability_in_any_set),
    case!(jail_03_no_new_privs_is_set),
    case!(jail_06_the_system_cant_be_written_to),
    case!(jail_08_no_user_data_is_seen),
    case!(jail_09_dev_is_minimal),
    case!(jail_10_trap_14_proc_is_its_own),
    case!(jail_11_tmp_is_private),
    case!(jail_12_the_working_directory_is_private),
    case!(jail_13_there_is_no_network),
    case!(jail_14_abstract_sockets_are_out_of_reach),
    case!(jail_15_other_processes_are_out_of_reach),
    case!(jail_15_trap_08_group_and_all_end_at_the_cell),
    case!(jail_16_root_gets_the_full_jail),
    case!(jail_17_an_ordinary_user_gets_the_full_jail),
    case!(jail_18_what_the_kernel_refuses_is_an_error),
];

pub(super) const NAMESPACES: [&str; 7] = ["user", "pid", "mnt", "net", "ipc", "uts", "cgroup"];

/// Checks namespaces, capabilities and `no_new_privs`.
pub(super) fn is_jailed(facts: &Facts) -> Verdict {
    for name in NAMESPACES {
        let ours = fs::read_link(format!("/proc/self/ns/{name}"))?.to_string_lossy().into_owned();
        let cells = facts.namespaces.get(name).cloned().flatten();
        holds(format!("the {name} namespace is its own"), cells.as_ref().is_some_and(|cells| *cells != ours), cells)?;
    }
    for set in ["effective", "permitted", "inheritable", "bounding", "ambient"] {
        same(format!("{set} capabilities"), facts.capabilities.get(set).copied().flatten(), Some(0))?;
    }
    same("no_new_privs", facts.no_new_privs, Some(1))
}

fn jail_01_seven_namespaces_are_its_own(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().probe(["facts"]).run()?;
    let facts = run.facts()?;
    for name in NAMESPACES {
        let ours = Some(fs::read_link(format!("/proc/self/ns/{name}"))?.to_string_lossy().into_owned());
        let cells = facts.namespaces.get(name).cloned().flatten();
        run.holds(format!("the {name} namespace is its own"), cells.is_some() && cells != ours)?;
    }
    run.holds("it is one of few processes in its pid namespace", facts.process.pid < 10)?;
    Ok(())
}

fn jail_02_no_capability_in_any_set(suite: &Suite<'_>) -> Verdict {
    let facts = suite.ww().probe(["facts"]).run()?.facts()?;
    for set in ["effective", "permitted", "inheritable", "bounding", "ambient"] {
        same(format!("{set} capabilities"), facts.capabilities.get(set).copied().flatten(), Some(0))?;
    }
    Ok(())
}

fn jail_03_no_new_privs_is_set(suite: &Suite<'_>) -> Verdict {
    same("no_new_privs", suite.ww().probe(["facts"]).run()?.facts()?.no_new_privs, Some(1))
}

/// A name that no other case has, in this run of the suite or another.
pub(super) fn own_name(suite: &Suite<'_>) -> String {
    suite.scratch().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What came of one deed of the probe in a cell.
fn deed(suite: &Suite<'_>, words: &[&str]) -> Verdict<Result<Value, i32>> {
    suite.ww().probe(words).run()?.deed()
}

/// The names in a folder of the cell's, which has to show them.
fn listed(suite: &Suite<'_>, folder: &str) -> Verdict<Vec<String>> {
    let names = deed(suite, &["list", folder])?;
    match names.as_ref().map(|names| serde_json::from_value(names.clone())) {
        Ok(Ok(names)) => Ok(names),
        _ => fail(format!("{folder} can be listed"), format!("{names:?}")),
    }
}

fn jail_06_the_system_cant_be_written_to(suite: &Suite<'_>) -> Verdict {
    // New names only: an implementation without a jail may be run by root.
    let name = format!("ww-{}", own_name(suite));
    for folder in ["/", "/bin", "/usr", "/usr/bin", "/lib", "/etc", "/dev", "/proc"] {
        let path = format!("{}/{name}", folder.trim_end_matches('/'));
        let written = deed(suite, &["write", &path, "x"])?;
        let reached = fs::remove_file(&path).is_ok();
        holds(format!("{path} can't be written"), written.is_err(), written)?;
        holds("the host has no such file", !reached, &path)?;
    }
    let opened = deed(suite, &["open-to-write", "/bin/sh"])?;
    holds("/bin/sh can't be opened for writing", opened.is_err(), opened)
}

fn jail_08_no_user_data_is_seen(suite: &Suite<'_>) -> Verdict {
    let name = format!("secret-{}", own_name(suite));
    for folder in ["home", "cwd", "tmp", "files", "run"] {
        fs::write(suite.path(folder).join(&name), "secret")?;
    }
    let run = suite.ww().probe(["find", "/", &name]).run()?;
    run.same("secrets of the caller that the cell finds", run.deed()?, Ok(serde_json::json!([])))?;
    for path in ["/etc/shadow", "/etc/gshadow", "/root", "/home", "/var", "/boot", "/sys/kernel", "/run"] {
        let seen = deed(suite, &[if path.starts_with("/etc") { "read" } else { "list" }, path])?;
        let empty = seen.as_ref().map_or(true, |seen| *seen == serde_json::json!([]));
        holds(format!("{path} is missing, empty or closed"), empty, seen)?;
    }
    Ok(())
}

/// What a cell may find in `/dev`: devices of no machine, terminals, and the usual links.
const DEVICES: [&str; 14] = [
    "null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "fd", "stdin", "stdout", "stderr", "shm",
    "console",
];

fn jail_09_dev_is_minimal(suite: &Suite<'_>) -> Verdict {
    let names = listed(suite, "/dev")?;
    let foreign: Vec<&String> = names.iter().filter(|name| !DEVICES.contains(&name.as_str())).collect();
    same("devices beyond the minimum", foreign, vec![])?;
    for device in ["null", "zero", "full", "random", "urandom", "tty"] {
        holds(format!("/dev/{device} is there"), names.iter().any(|name| name == device), &names)?;
    }
    same("reading /dev/null", deed(suite, &["read", "/dev/null"])?, Ok("".into()))?;
    same("writing /dev/null", deed(suite, &["write", "/dev/null", "x"])?, Ok(true.into()))?;
    same("writing /dev/full", deed(suite, &["write", "/dev/full", "x"])?, Err(libc::ENOSPC))
}

fn jail_10_trap_14_proc_is_its_own(suite: &Suite<'_>) -> Verdict {
    let names = listed(suite, "/proc")?;
    let processes: Vec<i32> = names.iter().filter_map(|name| name.parse().ok()).collect();
    holds("only processes of the cell", !processes.is_empty() && processes.iter().all(|pid| *pid < 10), &processes)?;
    let environment = deed(suite, &["read", "/proc/1/environ"])?;
    let empty = environment.as_ref().map_or(true, |text| text.as_str() == Some(""));
    holds("pid 1 shows no environment of the host", empty, environment)
}

fn jail_11_tmp_is_private(suite: &Suite<'_>) -> Verdict {
    let path = format!("/tmp/ww-{}", own_name(suite));
    same("/tmp at the start", deed(suite, &["list", "/tmp"])?, Ok(serde_json::json!([])))?;
    same("writing into /tmp", deed(suite, &["write", &path, "x"])?, Ok(true.into()))?;
    holds("the host doesn't see it", fs::remove_file(&path).is_err(), &path)?;
    same("/tmp of another cell", deed(suite, &["list", "/tmp"])?, Ok(serde_json::json!([])))
}

fn jail_12_the_working_directory_is_private(suite: &Suite<'_>) -> Verdict {
    fs::write(suite.path("cwd/of-the-caller"), "x")?;
    same("the working directory at the start", deed(suite, &["list", "."])?, Ok(serde_json::json!([])))?;
    same("writing into it", deed(suite, &["write", "new", "x"])?, Ok(true.into()))?;
    holds("the caller's has no such file", !fs::exists(suite.path("cwd/new"))?, suite.path("cwd/new"))?;
    same("the working directory of another cell", deed(suite, &["list", "."])?, Ok(serde_json::json!([])))
}

fn jail_13_there_is_no_network(suite: &Suite<'_>) -> Verdict {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let connected = deed(suite, &["connect-loopback", &listener.local_addr()?.port().to_string()])?;
    holds("the host's loopback is out of reach", connected.is_err(), connected)?;
    let sent = deed(suite, &["send-outside"])?;
    holds("nothing can be sent outside", sent.is_err(), sent)?;
    let interfaces = suite.ww().probe(["facts"]).run()?.facts()?.interfaces.unwrap_or_default();
    let others: Vec<&String> = interfaces.iter().filter(|name| *name != "lo").collect();
    same("interfaces besides its own loopback", others, vec![])
}

fn jail_14_abstract_sockets_are_out_of_reach(suite: &Suite<'_>) -> Verdict {
    let name = format!("ww-conformance-{}", suite.path("x").display());
    let _listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    let connected = deed(suite, &["connect-abstract", &name])?;
    holds("the host's abstract socket is out of reach", connected.is_err(), connected)
}

fn jail_15_other_processes_are_out_of_reach(suite: &Suite<'_>) -> Verdict {
    let witness =
        suite.command([suite.probe().as_os_str().as_encoded_bytes(), b"catch", b"0", b"23"]).with_input().start()?;
    witness.hears("ready", 1)?;
    let pid = witness.pid().to_string();
    for words in [["kill", &pid, "23"], ["kill", &pid, "0"]] {
        let done = deed(suite, &words)?;
        holds("a process of the host can't be signalled", done.is_err(), done)?;
    }
    let traced = deed(suite, &["trace", &pid])?;
    holds("a process of the host can't be traced", traced.is_err(), traced)?;
    witness.finish()?.exits(0)?.prints("ready\n")?;
    Ok(())
}

fn jail_15_trap_08_group_and_all_end_at_the_cell(suite: &Suite<'_>) -> Verdict {
    // SIGURG (23) does nothing to who doesn't ask for it, so a cell that isn't jailed harms nobody.
    for target in ["0", "-1"] {
        let script = "probe=$1; shift; \"$probe\" catch 0 23 <&5 5<&- & read go; exec 5<&-; \"$@\"; wait";
        let words = suite.ww().probe(["kill", target, "23"]).words().to_vec();
        let (theirs, ours) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        let run = suite.command(["/bin/sh", "-c", script, "sh"]).flags([suite.probe().as_os_str().as_encoded_bytes()]);
        let mut run = run.flags(&words).place(5, &theirs).with_input().start()?;
        drop(theirs);
        run.hears("ready", 1)?;
        run.say("go\n")?;
        run.says("}\n")?;
        drop(ours);
        let run = run.finish()?;
        run.holds(
            format!("kill({target}, SIGURG) reached nothing outside"),
            !String::from_utf8_lossy(&run.stdout).contains("caught"),
        )?;
    }
    Ok(())
}

fn jail_16_root_gets_the_full_jail(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().by(Caller::Root).probe(["facts"]).run()?;
    let facts = run.facts()?;
    is_jailed(&facts)?;
    suite.ww().by(Caller::Root).flags(["/bin/sh", "-c", "exit 7"]).run()?.exits(7)?;
    Ok(())
}

fn jail_17_an_ordinary_user_gets_the_full_jail(suite: &Suite<'_>) -> Verdict {
    let run = suite.ww().by(Caller::Ordinary).probe(["facts"]).run()?;
    is_jailed(&run.facts()?)?;
    suite.ww().by(Caller::Ordinary).flags(["/bin/sh", "-c", "exit 7"]).run()?.exits(7)?.is_silent()?;
    Ok(())
}

/// The words before a command that has it run where no user namespace can be made: one may forbid those beneath it.
pub(super) fn without_user_namespaces(suite: &Suite<'_>) -> Verdict<[&'static str; 7]> {
    let forbid = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
    let outer = ["/usr/bin/unshare", "--user", "--map-root-user", "/bin/sh", "-c", forbid, "sh"];
    if !suite.command(outer).flags(["/bin/true"]).run().is_ok_and(|run| run.report.code == Some(0)) {
        return Err(Stop::NotVerifiable("`unshare --user` doesn't work here".into()));
    }
    Ok(outer)
}

fn jail_18_what_the_kernel_refuses_is_an_error(suite: &Suite<'_>) -> Verdict {
    let outer = without_user_namespaces(suite)?;
    let words = suite.ww().probe(["facts"]).words().to_vec();
    let run = suite.command(outer).flags(&words).run()?;
    run.refuses(1, "", "namespace")?;
    let said = String::from_utf8_lossy(&run.stderr).to_lowercase();
    let remedies = ["max_user_namespaces", "sysctl", "apparmor", "enable", "allow", "raise"];
    run.holds("the message gives a remedy", remedies.iter().any(|remedy| said.contains(remedy)))?;
    Ok(())
}
