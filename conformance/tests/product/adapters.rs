//! Adapters: made, read, and told from a bad implementation.

use std::fs;

use predicates::prelude::*;

use super::{Place, suite};

/// Checks an adapter that says this, for an implementation.
fn check(place: &Place, text: &str, code: i32, says: &str) {
    let file = place.path("checked.toml");
    fs::write(&file, text).expect("the adapter");
    let said = suite(&["adapter", "check"]).arg(file).assert().code(code);
    let output = said.get_output();
    let all = [&output.stdout[..], &output.stderr].concat();
    assert!(String::from_utf8_lossy(&all).contains(says), "{}", String::from_utf8_lossy(&all));
}

const SOUND: &str = "command = ['./ww', 'run']\nlayout = 'rpc-first'\nprofiles = ['core', 'fds']\n";

#[test]
fn the_file_to_fill_in_is_an_adapter() {
    let place = Place::sound();
    suite(&["adapter", "init"]).arg(place.path("mine.toml")).assert().code(0);
    let text = fs::read_to_string(place.path("mine.toml")).expect("the file");
    check(&place, &text.replace("./my-ww", "./ww"), 0, "fits the implementation");
    suite(&["adapter", "init"])
        .arg(place.path("mine.toml"))
        .assert()
        .code(2)
        .stderr(predicate::str::contains("there already"));
    // Each line that is commented out is right as well.
    let all: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(" = ") || rest.starts_with('[') => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .filter(|line| !line.contains("addresses = \"status-fd\""))
        .collect();
    let all = all.replace("./my-ww", "./ww").replace("[\"core\", \"fds\"]", "[\"core\", \"fds\", \"rpc\", \"p2p\"]");
    fs::write(place.path("all.toml"), all).expect("the adapter");
    let said = suite(&["run", "--list-only", "--adapter"]).arg(place.path("all.toml")).assert();
    said.code(0);
}

#[test]
fn an_adapter_that_isnt_one_is_2_and_says_where() {
    let place = Place::sound();
    for (text, says) in [
        ("command = ['./ww']\n", "missing field `layout`"),
        (&*format!("{SOUND}colour = 'red'\n"), "unknown field `colour`"),
        (&SOUND.replace("./ww", "./other"), "no program that is there"),
        (&SOUND.replace("./ww", "./adapter.toml"), "no program that can be executed"),
        (&SOUND.replace("['core', 'fds']", "[]"), "claims no profile"),
        (&SOUND.replace("rpc-first", "sideways"), "sideways"),
        (&*format!("{SOUND}layout-flag = 'layout'\n"), "doesn't begin with a dash"),
        (&*format!("{SOUND}addresses = 'status-fd'\n"), "doesn't claim the profile p2p"),
        (&*format!("{SOUND}[arguments]\nrpc = ['--rpc']\n"), "doesn't claim"),
    ] {
        check(&place, text, 2, says);
    }
    let p2p = SOUND.replace("'fds'", "'fds', 'p2p'");
    // Whatever the parser draws, the error is one line.
    fs::write(place.path("three.toml"), SOUND.replace("['./ww', 'run']", "3")).expect("the adapter");
    let said = suite(&["adapter", "check"]).arg(place.path("three.toml")).assert().code(2);
    let text = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    assert!(text.lines().count() == 1 && text.contains("line 1: invalid type"), "{text}");
    check(&place, &format!("{p2p}addresses = {{ stderr = '(' }}\n"), 2, "ill-formed regular expression");
    check(&place, &format!("{p2p}addresses = {{ stderr = 'on (.*)' }}\n"), 2, "without a group");
}

#[test]
fn an_adapter_that_says_what_isnt_so_is_2() {
    let place = Place::sound();
    check(&place, &SOUND.replace("rpc-first", "grants-first"), 2, "grants as rpc-first says, not grants-first");
    check(&place, &SOUND.replace(", 'run'", ""), 2, "run` starts a cell");
    check(&place, &format!("{SOUND}layout-flag = '--fd-layout'\n"), 2, "`--fd-layout rpc-first` isn't taken");
    check(&place, &SOUND.replace("'fds'", "'fds', 'status'"), 2, "--status-fd");
}

#[test]
fn a_bad_implementation_isnt_the_adapters_fault() {
    let place = Place::with(&[("        os.execve(words[0], words, env)", "        os._exit(0)")]);
    check(&place, SOUND, 1, "the adapter is fine as far as can be told");
}
