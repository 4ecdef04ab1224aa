//! `ww doctor` and `ww run --dry-run`, as their callers see them.
//!
//! Clauses: LIMIT-01, JAIL-18 (what `doctor` foretells is what a run says).

use std::process::{Command, Output};

use serde_json::Value;

const WW: &str = env!("CARGO_BIN_EXE_ww");

fn ww(words: &[&str]) -> Output {
    Command::new(WW).args(words).output().expect("ww starts")
}

/// `ww` where no user namespace may be made.
fn without_namespaces(words: &[&str]) -> Output {
    let forbid = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
    let outer = ["--user", "--map-root-user", "/bin/sh", "-c", forbid, "sh", WW];
    Command::new("unshare").args(outer).args(words).output().expect("unshare(1) of util-linux is here")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|fault| panic!("{fault}: {}", text(&output.stdout)))
}

#[test]
fn a_dry_run_prints_the_plan_and_runs_nothing() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let mark = place.path().join("mark");
    let output = ww(&["run", "--dry-run=json", "--env", "KEY=secret", "/usr/bin/touch", mark.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!mark.exists());
    assert!(!text(&output.stdout).contains("secret"));
    let plan = json(&output);
    assert_eq!(plan["jail"], "full");
    assert_eq!(plan["program"]["path"], "/usr/bin/touch");
    assert_eq!(plan["environment"], serde_json::json!(["KEY", "WW_RPC_FD"]));
    assert_eq!(plan["descriptors"][3]["is"], "rpc");
    assert_eq!(plan["namespaces"].as_array().map(Vec::len), Some(7));
    for key in ["session", "identity", "workdir", "view", "bounds", "limits", "seccomp"] {
        assert!(!plan[key].is_null(), "{key}");
    }
}

#[test]
fn a_dry_run_for_people_has_the_same_in_lines() {
    let output = ww(&["run", "--dry-run", "--jail", "none", "/bin/true"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.starts_with("jail       none\n") && said.contains("\nview\n  the host's\n"), "{said}");
}

#[test]
fn a_dry_run_fails_as_the_run_would() {
    for (words, code) in [
        (&["run", "--dry-run", "/no/such/program"][..], 127),
        (&["run", "--dry-run", "/etc"], 126),
        (&["run", "--dry-run", "--with-fd", "a=99", "/bin/true"], 2),
        (&["run", "--dry-run=xml", "/bin/true"], 2),
        (
            &[
                "run",
                "--dry-run",
                "--ipfs",
                "/ip4/127.0.0.1/tcp/1",
                "/ipfs/QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
            ],
            1,
        ),
    ] {
        let output = ww(words);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty() && text(&output.stderr).starts_with("ww: "), "{words:?}");
    }
}

#[test]
fn what_the_doctor_says_is_what_a_run_finds() {
    let found = ww(&["doctor", "--json"]);
    let levels = json(&found)["levels"].clone();
    for level in levels.as_array().expect("levels") {
        let ran = ww(&["run", "--jail", level["level"].as_str().expect("a name"), "/bin/true"]);
        assert_eq!(ran.status.success(), level["available"] == true, "{level}: {}", text(&ran.stderr));
    }
    assert_eq!(found.status.success(), levels[0]["available"] == true);
}

#[test]
fn the_doctor_names_cause_and_remedy_and_what_is_left() {
    let found = without_namespaces(&["doctor"]);
    let said = text(&found.stdout);
    assert_eq!(found.status.code(), Some(1), "{said}{}", text(&found.stderr));
    assert!(said.contains("user.max_user_namespaces is 0") && said.contains("sysctl -w"), "{said}");
    assert!(said.contains("--jail full         no") && said.contains("--jail restricted   yes"), "{said}");
    let parts = json(&without_namespaces(&["doctor", "--json"]))["parts"].clone();
    let user = parts.as_array().and_then(|parts| parts.iter().find(|part| part["part"] == "user namespace").cloned());
    assert_eq!(user.expect("the part")["state"], "refused");
    let ran = without_namespaces(&["run", "--jail", "restricted", "/bin/echo", "ran"]);
    assert_eq!(text(&ran.stdout), "ran\n", "{}", text(&ran.stderr));
}

#[test]
fn the_doctor_prints_a_profile_with_this_programs_path() {
    let output = ww(&["doctor", "--apparmor"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert!(said.contains(&format!("profile ww \"{WW}\" flags=(unconfined)")), "{said}");
    assert_eq!(ww(&["doctor", "--apparmor", "--json"]).status.code(), Some(2));
}
