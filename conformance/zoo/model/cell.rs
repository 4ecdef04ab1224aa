//! The process that becomes the cell: started again, with one thread and nothing of its own to lose.
//!
//! What it does: it reads a [`Plan`], puts each descriptor on its number and closes all others, opens granted
//! directories as the jail shows them, forgets its caller's state, and executes the program.
//! What must stay true: sources lie above every target, so they can't collide.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nix::sys::stat::{Mode, umask};
use nix::unistd::{close, execve};
use serde::{Deserialize, Serialize};
use ww_conformance::launch::duplicate;

use super::sys::{self, State};
use super::{ABOVE, Grant, Jail, Wrong, entries, variable};
use crate::{Call, says};

/// What the cell is to be.
#[derive(Default, Serialize, Deserialize)]
pub struct Plan {
    /// The program, in the cell's view.
    pub program: PathBuf,
    /// Its arguments, its own name first.
    pub words: Vec<OsString>,
    pub env: Vec<(OsString, OsString)>,
    /// Number in this process, number in the cell.
    pub moves: Vec<(i32, i32)>,
    /// Directories by their path in the cell's view, and their numbers.
    pub folders: Vec<(PathBuf, i32)>,
    /// What is left open besides.
    pub kept: Vec<i32>,
    /// Whether Landlock keeps descriptors to what they are open for.
    pub landlocked: bool,
    /// What the caller had set.
    pub state: State,
}

impl Plan {
    /// Gives the socket and the grants their numbers and variables.
    pub fn arrange(&mut self, call: &Call, grants: &[Grant], socket: i32, jail: Jail, wrong: Wrong) {
        let layout = call.values("--fd-layout").last();
        let grants_first = layout.is_some_and(|layout| layout == "grants-first");
        let at = if grants_first && !wrong.is("socket-first-in-both-layouts") { grants.len() } else { 0 };
        let mut all: Vec<(OsString, i32, Option<&PathBuf>)> =
            grants.iter().map(|grant| (variable(&grant.name), grant.lifted, grant.folder.as_ref())).collect();
        all.insert(at, ("WW_RPC_FD".into(), socket, None));
        if wrong.is("env-one-leak") {
            self.env.extend(std::env::var_os("HOME").map(|home| ("HOME".into(), home)));
        }
        self.env.extend(entries(call, wrong));
        // A directory as its caller has it lies outside of what the ruleset allows.
        let unruled = ["landlock-missing", "grant-directory-as-it-is", "jail-of-namespaces-alone"];
        self.landlocked = jail == Jail::Bubblewrap && !unruled.contains(&wrong.0);
        let first = if wrong.is("socket-on-4") { 4 } else { 3 };
        for (number, (name, source, folder)) in (first..).zip(all) {
            let number = number + i32::from(wrong.is("grants-one-further") && name != "WW_RPC_FD");
            let folder = folder.filter(|_| jail == Jail::Bubblewrap && !wrong.is("grant-directory-as-it-is"));
            match folder {
                Some(path) => self.folders.push((path.clone(), number)),
                None if wrong.is("socket-missing") && name == "WW_RPC_FD" => {}
                None => self.moves.push((source, number)),
            }
            let told = match (wrong.0, name == "WW_RPC_FD") {
                ("socket-misnamed", true) | ("grants-misnamed", false) => number + 1,
                ("socket-named-3", true) => 3,
                _ => number,
            };
            self.env.push((name, told.to_string().into()));
        }
    }

    /// As one word of a command line.
    pub fn as_word(&self) -> OsString {
        serde_json::to_string(self).unwrap_or_default().into()
    }

    /// Closes, in the host, all but `kept`; 0 and 1 become `/dev/null`.
    pub fn let_go(&self, kept: i32, wrong: Wrong) {
        let granted = |number: &i32| self.moves.iter().any(|(source, at)| source == number && *at > 3);
        for number in sys::open_numbers().into_iter().filter(|number| *number > 2 && *number != kept) {
            if !wrong.is("host-holds-grants") || !granted(&number) {
                close(number).ok();
            }
        }
        let held = |number: i32| match number {
            0 => wrong.is("host-holds-input"),
            _ => wrong.is("host-holds-output"),
        };
        if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
            for number in [0, 1].into_iter().filter(|number| !held(*number)) {
                close(number).ok();
                duplicate(null.as_raw_fd(), number).ok();
            }
        }
    }

    /// A file of the host's may be opened again as it is open; a directory opens nothing.
    fn landlock(&self, wrong: Wrong) -> std::io::Result<()> {
        const WRITE: u64 = 1 << 1;
        const READ: u64 = 1 << 2;
        let numbers = (0..3).chain(self.moves.iter().map(|it| it.1));
        let files = numbers.filter(|number| !Path::new(&format!("/proc/self/fd/{number}")).is_dir());
        let allowed = |number| match sys::mode(number) {
            _ if wrong.is("landlock-without-modes") => READ | WRITE,
            libc::O_RDONLY => READ,
            libc::O_WRONLY => WRITE,
            _ => READ | WRITE,
        };
        let rules: Vec<(i32, u64)> = files.map(|number| (number, allowed(number))).collect();
        sys::landlock(&rules)
    }

    /// Becomes the cell.
    fn carried_out(&self, wrong: Wrong) -> Result<std::convert::Infallible, String> {
        let told = |fault: nix::errno::Errno| fault.to_string();
        for (source, number) in self.moves.iter().filter(|(source, number)| source != number) {
            close(*number).ok();
            duplicate(*source, *number).map_err(told)?;
        }
        for (path, number) in &self.folders {
            let folder = File::open(path).map_err(|fault| format!("{}: {fault}", path.display()))?;
            let lifted = duplicate(folder.as_raw_fd(), ABOVE).map_err(told)?;
            drop(folder);
            close(*number).ok();
            duplicate(lifted, *number).map_err(told)?;
        }
        let targets: Vec<i32> = self.moves.iter().map(|it| it.1).chain(self.folders.iter().map(|it| it.1)).collect();
        for number in sys::open_numbers() {
            let looked = !wrong.is("descriptors-closed-to-255") || !(256..ABOVE).contains(&number);
            if number > 2 && looked && !targets.contains(&number) && !self.kept.contains(&number) {
                close(number).ok();
            }
        }
        if !wrong.is("umask-kept") {
            umask(if wrong.is("umask-077") { Mode::S_IRWXG | Mode::S_IRWXO } else { Mode::S_IWGRP | Mode::S_IWOTH });
        }
        if !wrong.is("privileges-new") {
            nix::sys::prctl::set_no_new_privs().map_err(told)?;
        }
        self.state.usual_limits(wrong);
        self.state.in_cell(wrong);
        if self.landlocked {
            self.landlock(wrong).map_err(|fault| format!("Landlock: {fault}"))?;
        }
        let c = |text: &std::ffi::OsStr| CString::new(text.as_bytes()).unwrap_or_default();
        let words: Vec<CString> = self.words.iter().map(|word| c(word)).collect();
        let env: Vec<CString> =
            self.env.iter().map(|(key, value)| c(&[key.as_os_str(), value].join("=".as_ref()))).collect();
        execve(&c(self.program.as_os_str()), &words, &env).map_err(told)
    }
}

/// What `ww-faulty --cell FAULT PLAN` does.
pub fn main(wrong: Wrong, plan: &str) -> ExitCode {
    let plan: Plan = match serde_json::from_str(plan) {
        Ok(plan) => plan,
        Err(fault) => return says(&format!("ww-faulty: --cell: {fault}"), 99),
    };
    match plan.carried_out(wrong) {
        Ok(never) => match never {},
        Err(fault) => says(&format!("ww: {}: {fault}", plan.program.display()), 126),
    }
}
