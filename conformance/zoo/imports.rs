//! Faults of `ww import`: where it writes, what it writes, what it replaces, and what it leaves.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::Fault;
use super::tools::{Tool, code, passed};

pub const FAULTS: &[Fault] = &[
    Fault::tool("import-own-name", "STORE-09", "calls what has no local path by a name of its own", |mut tool| {
        if local(&tool).is_none() && path(&tool).is_some() {
            tool.words.push("imported".into());
        }
        tool.become_real()
    }),
    Fault::tool("import-no-dots", "STORE-09", "leaves out what begins with a dot", |tool| {
        after(tool, |target| each(target, &|path| dotted(path).then(|| fs::remove_file(path)).is_some()))
    }),
    Fault::tool("import-over", "STORE-10", "replaces what is there", |tool| {
        tool.without("--force").with(&["--force"]).become_real()
    }),
    Fault::tool("import-clears-first", "STORE-10 STORE-27", "removes what is there before it has anything", |tool| {
        if let (true, Some(target)) = (tool.words.iter().any(|word| word == "--force"), local(&tool)) {
            remove(&target);
        }
        tool.become_real()
    }),
    Fault::tool("import-half", "STORE-11", "leaves what came of a transfer that broke", |tool| {
        unless_well(tool, |target| drop(fs::write(target, "half")))
    }),
    Fault::tool("import-in-place", "STORE-59", "writes over what is there before all has come", |tool| {
        if let Some(target) = local(&tool).filter(|target| target.is_file()) {
            fs::write(target, "half").ok();
        }
        tool.become_real()
    }),
    Fault::tool("import-never-executable", "STORE-12", "takes no notice of -x", |tool| {
        tool.without("-x").become_real()
    }),
    Fault::tool("import-all-executable", "STORE-12", "makes files executable without -x", |tool| {
        tool.without("-x").with(&["-x"]).become_real()
    }),
    Fault::tool("import-slash", "STORE-26", "takes a slash at the end for nothing", |mut tool| {
        if let Some(word) = local_at(&tool).and_then(|at| tool.words.get_mut(at)) {
            let text = word.to_string_lossy().trim_end_matches(['/', '.']).to_owned();
            *word = text.into();
        }
        tool.become_real()
    }),
    Fault::tool("import-makes-parents", "STORE-26", "makes the directory that it is to go into", |tool| {
        if let Some(folder) = local(&tool).as_deref().and_then(Path::parent) {
            fs::create_dir_all(folder).ok();
        }
        tool.become_real()
    }),
    Fault::tool("import-usage", "STORE-26", "fails with 1 where the words are wrong", |tool| {
        let ended = tool.ended();
        let wrong = ended.status.code() == Some(2);
        let code = passed(Ok(ended));
        if wrong { ExitCode::from(1) } else { code }
    }),
    Fault::tool("import-forceless", "STORE-27", "takes no notice of --force", |tool| {
        tool.without("--force").become_real()
    }),
    Fault::tool("import-skips-names", "STORE-28", "leaves out what can't be an entry, and writes the rest", |tool| {
        unless_well(tool, |target| {
            fs::create_dir(target).ok();
            fs::write(target.join("a"), "planted\n").ok();
        })
    }),
    Fault::tool("import-kind-untold", "STORE-28", "doesn't say that it is another kind of node", |tool| {
        let mut ended = tool.ended();
        let said = String::from_utf8_lossy(&ended.stderr).replace("unexpected node type", "failed to get IPFS path");
        ended.stderr = said.into_bytes();
        passed(Ok(ended))
    }),
    Fault::tool("import-linkless", "STORE-29", "leaves symlinks out", |tool| {
        after(tool, |target| each(target, &|path| path.is_symlink() && fs::remove_file(path).is_ok()))
    }),
    Fault::tool("import-follows", "STORE-29", "writes a link that is there twice, and through it", |tool| {
        let folder = local(&tool).and_then(|target| Some(target.parent()?.join("other")));
        let code = passed(Ok(tool.ended()));
        if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
            fs::write(folder.join("planted"), "planted\n").ok();
        }
        code
    }),
    Fault::tool("import-deaf", "STORE-30", "is gone with a signal, and leaves what it has", |tool| {
        if let Some(folder) = local(&tool).as_deref().and_then(Path::parent) {
            fs::create_dir(folder.join(".partial")).ok();
            let code = passed(Ok(tool.ended()));
            fs::remove_dir(folder.join(".partial")).ok();
            return code;
        }
        tool.become_real()
    }),
    Fault::tool("import-never-sweeps", "STORE-30", "leaves what a killed one left", |tool| {
        if let Some(folder) = local(&tool).as_deref().and_then(Path::parent)
            && fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| dotted(&entry.path()))
        {
            fs::create_dir(folder.join(".partial")).ok();
        }
        tool.become_real()
    }),
    Fault::tool("import-unlimited", "STORE-31", "takes no notice of --max-size", |tool| {
        tool.without_value("--max-size").become_real()
    }),
    Fault::tool("import-one-mode", "STORE-32", "gives all files the same mode", |tool| {
        after(tool, |target| each(target, &|path| path.is_file() && mode(path, 0o644)))
    }),
    Fault::tool("import-setuid", "STORE-32", "keeps the set-user-ID bit", |tool| {
        after(tool, |target| each(target, &|path| path.ends_with("e") && mode(path, 0o4755)))
    }),
];

fn dotted(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"."))
}

fn mode(path: &Path, mode: u32) -> bool {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).is_ok()
}

/// Where the IPFS path stands.
fn path(tool: &Tool) -> Option<usize> {
    let is = |word: &OsString| [&b"/ipfs/"[..], b"ipfs://"].iter().any(|start| word.as_bytes().starts_with(start));
    tool.words.iter().position(is)
}

/// Where the local path stands: right after it, in the cases.
fn local_at(tool: &Tool) -> Option<usize> {
    path(tool).map(|at| at + 1).filter(|at| *at < tool.words.len())
}

fn local(tool: &Tool) -> Option<PathBuf> {
    local_at(tool).and_then(|at| tool.words.get(at)).map(PathBuf::from)
}

/// Does something with what the real one has written.
fn after(tool: Tool, then: impl Fn(&Path)) -> ExitCode {
    let target = local(&tool);
    let ended = tool.ended();
    if let (true, Some(target)) = (ended.status.success(), target) {
        then(&target);
    }
    passed(Ok(ended))
}

/// Does something where the real one has failed.
fn unless_well(tool: Tool, then: impl Fn(&Path)) -> ExitCode {
    let target = local(&tool);
    let ended = tool.ended();
    if let (true, Some(target)) = (code(&ended) == ExitCode::from(1), target) {
        then(&target);
    }
    passed(Ok(ended))
}

/// Calls something with each path of a tree, those below first.
pub fn each(top: &Path, act: &dyn Fn(&Path) -> bool) {
    if !top.is_symlink() {
        for entry in fs::read_dir(top).into_iter().flatten().flatten() {
            each(&entry.path(), act);
        }
    }
    act(top);
}

fn remove(path: &Path) {
    if path.is_symlink() || path.is_file() {
        fs::remove_file(path).ok()
    } else {
        fs::remove_dir_all(path).ok()
    };
}
