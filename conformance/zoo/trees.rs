//! Faults of `--ro` with an IPFS path: what is shown of a tree, where, and what may be done with it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use super::around::stood_by;
use super::imports::each;
use super::paths::{joined, parts, renamed};
use super::told::{replaced, retold};
use super::words::fault;
use super::{Call, Fault, says};

pub const FAULTS: &[Fault] = &[
    fault!("tree-forgotten", "STORE-50 STORE-53", "takes no notice of --ro with an IPFS path", |call| {
        call.flags.retain(|(flag, value)| flag != "--ro" || !value.as_deref().is_some_and(is_tree));
    }),
    fault!(
        "tree-at-the-root-alone",
        "STORE-50",
        "shows all that a CID names where a part of it is asked for",
        |call| {
            call.change("--ro", |value| {
                let (path, at) = parts(value);
                let text = path.to_string_lossy().into_owned();
                let cid = text.strip_prefix("/ipfs/").and_then(|rest| rest.split_once('/')).map(|(cid, _)| cid);
                cid.map_or(value.clone(), |cid| joined(format!("/ipfs/{cid}").as_ref(), at.as_deref()))
            });
        }
    ),
    Fault::new("tree-needs-a-place", "STORE-50", "shows no tree without AT", |call| {
        let found = call.values("--ro").find(|value| is_tree(value) && parts(value).1.is_none()).cloned();
        match found {
            Some(value) => says(&format!("ww: --ro {}: no AT", value.to_string_lossy()), 2),
            None => call.become_real(),
        }
    }),
    Fault::new("tree-by-its-looks", "STORE-50", "takes all that begins with /ipfs/ for an IPFS path", |call| {
        let looks = |value: &&OsString| parts(value).0.as_bytes().starts_with(b"/ipfs/nothing");
        let found = call.values("--ro").find(looks).cloned();
        match found {
            Some(value) => says(&format!("ww: failed to get IPFS path: {}: no CID", value.to_string_lossy()), 1),
            None => call.become_real(),
        }
    }),
    Fault::new(
        "tree-as-far-as-it-came",
        "STORE-51",
        "shows an empty directory where a tree can't be had",
        |mut call| {
            let mut first = call.real();
            first.stderr(Stdio::null()).stdout(Stdio::null());
            let trees = call.values("--ro").any(|value| is_tree(value));
            if trees && first.status().is_ok_and(|status| status.code() == Some(1)) {
                let empty = std::env::temp_dir().join("ww-empty");
                fs::create_dir_all(&empty).ok();
                call.change("--ro", |value| joined(empty.as_os_str(), parts(value).1.as_deref()));
                let code = stood_by(&call, |_| true);
                fs::remove_dir(empty).ok();
                return ExitCode::from(code);
            }
            call.become_real()
        },
    ),
    fault!("tree-unlimited", "STORE-51", "takes no notice of --max-size", |call| {
        call.flags.retain(|(flag, _)| flag != "--max-size");
    }),
    Fault::new("tree-left", "STORE-51", "leaves what came of a tree behind", |call| {
        let code = stood_by(&call, |_| true);
        if code != 0 {
            fs::write(std::env::temp_dir().join("ww-tree"), "half").ok();
        }
        ExitCode::from(code)
    })
    .control("stands-by"),
    Fault::new("tree-never-swept", "STORE-51", "leaves what a killed one left", |call| {
        if fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten().next().is_some() {
            fs::write(std::env::temp_dir().join("ww-tree"), "of a killed one").ok();
        }
        call.become_real()
    }),
    Fault::new("tree-kind-untold", "STORE-51", "doesn't say that it is another kind of node", |call| {
        retold(call, |said| replaced(said, "unexpected node type", "failed to get IPFS path"))
    })
    .control("repeats"),
    Fault::new("tree-link-followed", "STORE-51", "shows what a symlink at the top leads to", |call| {
        of_a_copy(call, "--ro", Stored::There, |copy| {
            if let Ok(to) = fs::read_link(copy) {
                fs::remove_file(copy).ok();
                fs::copy(to, copy).ok();
            }
        })
    })
    .control("stands-by"),
    Fault::new("tree-writable", "STORE-52", "shows a tree for writing", |call| {
        of_a_copy(call, "--rw", Stored::There, |_| {})
    })
    .control("stands-by"),
    fault!("tree-rw-taken", "STORE-52", "takes --rw of an IPFS path for --ro", |call| {
        if call.values("--rw").any(|value| is_tree(value)) {
            renamed(call, "--rw", "--ro");
        }
    }),
    Fault::new("tree-all-executable", "STORE-53", "makes every file executable", |call| {
        of_a_copy(call, "--ro", Stored::There, |copy| each(copy, &|path| path.is_file() && mode(path, 0o755)))
    })
    .control("stands-by"),
    Fault::new("tree-none-executable", "STORE-53", "makes no file executable that has no mode", |call| {
        of_a_copy(call, "--ro", Stored::There, |copy| each(copy, &|path| path.ends_with("tool") && mode(path, 0o644)))
    })
    .control("stands-by"),
    Fault::new("tree-private", "STORE-53", "keeps a file that its owner alone may read to root", |call| {
        of_a_copy(call, "--ro", Stored::There, |copy| each(copy, &|path| path.ends_with("c") && mode(path, 0o000)))
    })
    .control("stands-by"),
    Fault::new("tree-linkless", "STORE-53", "leaves symlinks out", |call| {
        of_a_copy(call, "--ro", Stored::There, |copy| {
            each(copy, &|path| path.is_symlink() && fs::remove_file(path).is_ok())
        })
    })
    .control("stands-by"),
    Fault::new("tree-of-today", "STORE-53", "gives files the time of the run", |call| {
        of_a_copy(call, "--ro", Stored::There, |copy| {
            Command::new("find").arg(copy).args(["-exec", "touch", "-h", "{}", "+"]).status().ok();
        })
    })
    .control("stands-by"),
    Fault::new("tree-program-apart", "STORE-54", "runs a program of a tree's somewhere else", |call| {
        of_a_copy(call, "--ro", Stored::There, |copy| {
            each(copy, &|path| path.is_dir() && !path.is_symlink() && mode(path, 0o755));
            each(copy, &|path| path.is_file() && !path.is_symlink() && mode(path, 0o755));
        })
    })
    .control("stands-by"),
    Fault::new("tree-asked-for-twice", "STORE-54", "asks for a tree's blocks and again for its program's", |call| {
        of_a_copy(call, "--ro", Stored::Elsewhere, |_| {})
    })
    .control("stands-by"),
    Fault::new("tree-forgetful", "STORE-54", "keeps nothing of a tree from run to run", |call| {
        let own = std::env::temp_dir().join("ww-forgets");
        let code = super::around::waited(call.real().env("WW_STORE", &own));
        fs::remove_dir_all(own).ok();
        code
    }),
];

/// Whose store a copy comes by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stored {
    /// The run's own.
    There,
    /// One that is gone afterwards.
    Elsewhere,
}

/// Whether a grant's value is an IPFS path, as far as the cases have such.
fn is_tree(value: &OsStr) -> bool {
    let starts = ["/ipfs/bafy", "/ipfs/bafk", "/ipfs/Qm", "/ipns/", "ipfs://"];
    starts.iter().any(|start| value.as_bytes().starts_with(start.as_bytes()))
}

fn mode(path: &Path, mode: u32) -> bool {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).is_ok()
}

/// Runs the real one with copies of trees that its own import made, each of them changed, granted by `by`. What can't be
/// imported is left to it.
fn of_a_copy(mut call: Call, by: &str, stored: Stored, change: impl Fn(&Path)) -> ExitCode {
    let own = std::env::temp_dir().join(format!("ww-trees-{}", std::process::id()));
    fs::create_dir_all(&own).ok();
    let (mut number, settings) = (0, call.clone());
    let passed_on = ["--ipfs", "--gateway", "--max-size"];
    for (flag, value) in &mut call.flags {
        let Some(old) = value.as_ref().filter(|value| flag == "--ro" && is_tree(value)) else { continue };
        let ((path, at), copy) = (parts(old), own.join(number.to_string()));
        number += 1;
        let mut import = Command::new(std::env::var_os("WW_REAL").unwrap_or_default());
        import.env_remove("WW_REAL").arg("import");
        if stored == Stored::Elsewhere {
            import.env("WW_STORE", own.join("store"));
        }
        for (flag, value) in settings.flags.iter().filter(|(flag, _)| passed_on.iter().any(|it| flag == it)) {
            import.arg(flag).args(value);
        }
        import.arg(&path).arg(&copy).stderr(Stdio::null()).stdout(Stdio::null()).status().ok();
        if copy.symlink_metadata().is_ok() {
            change(&copy);
            *value = Some(joined(copy.as_os_str(), Some(&at.unwrap_or(path))));
            *flag = by.into();
        }
    }
    let code = stood_by(&call, |_| true);
    fs::remove_dir_all(own).ok();
    ExitCode::from(code)
}
