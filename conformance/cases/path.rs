//! Local paths: what is found, what is missing, and what can't be executed.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::Verdict;

pub(crate) const CASES: &[Case] = &[
    case!(path_03_an_ipfs_path_without_a_cid_is_a_local_one).also(&["EXIT-03"]),
    case!(path_04_a_path_is_relative_to_the_working_directory),
    case!(path_05_there_is_no_search_of_path),
    case!(path_06_what_names_nothing_is_missing).also(&["EXIT-03", "MSG-02"]),
    case!(path_07_an_empty_path_is_missing),
    case!(path_08_a_path_may_be_any_bytes),
    case!(exit_06_a_directory_cant_be_executed),
    case!(exit_07_a_file_without_execute_bit_cant_be_executed),
    case!(exit_08_an_unknown_format_cant_be_executed),
];

const MISSING: &str = "failed to resolve path";

fn path_03_an_ipfs_path_without_a_cid_is_a_local_one(suite: &Suite<'_>) -> Verdict {
    for path in [
        "/ipfs/not-a-cid",
        "/ipfs/",
        "/ipfs",
        "/ipns/",
        "/ipfs/QmTooShort/name",
        "/ipfsQmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
    ] {
        suite.ww().flags([path, "facts"]).run()?.refuses(127, MISSING, path)?;
    }
    Ok(())
}

fn path_04_a_path_is_relative_to_the_working_directory(suite: &Suite<'_>) -> Verdict {
    fs::create_dir(suite.path("cwd/bin"))?;
    suite.probe_at("cwd/bin/cell")?;
    for path in ["bin/cell", "./bin/cell", "bin/../bin//cell"] {
        let run = suite.ww().flags([path, "facts"]).run()?;
        run.same("its own name", run.facts()?.argv[0].as_str(), path)?;
    }
    suite.ww().cwd(suite.path("files")).flags(["bin/cell", "facts"]).run()?.refuses(127, MISSING, "bin/cell")?;
    Ok(())
}

fn path_05_there_is_no_search_of_path(suite: &Suite<'_>) -> Verdict {
    let folder = suite.path("files");
    suite.probe_at("files/cell")?;
    let searched = || suite.ww().env("PATH", folder.as_os_str().as_bytes());
    searched().flags(["cell", "facts"]).run()?.refuses(127, MISSING, "cell")?;
    suite.ww().flags(["sh", "-c", "echo ran"]).run()?.refuses(127, MISSING, "sh")?;
    suite.probe_at("cwd/cell")?;
    searched().flags(["cell", "exit", "0"]).run()?.exits(0)?;
    Ok(())
}

fn path_06_what_names_nothing_is_missing(suite: &Suite<'_>) -> Verdict {
    let files = suite.path("files");
    fs::write(files.join("file"), "x")?;
    symlink("nowhere", files.join("dangling"))?;
    symlink("loop", files.join("loop"))?;
    for path in ["missing", "missing/too", "dangling", "file/below"] {
        let path = files.join(path);
        suite.ww().binary(&path, ["facts"]).run()?.refuses(127, MISSING, &path.to_string_lossy())?;
    }
    let run = suite.ww().binary("./missing", ["facts"]).run()?;
    run.refuses(127, MISSING, "./missing: ")?;
    Ok(())
}

fn path_07_an_empty_path_is_missing(suite: &Suite<'_>) -> Verdict {
    suite.ww().flags(["", "facts"]).run()?.refuses(127, MISSING, "")?;
    suite.ww().flags(["--env", "A=1", "--", ""]).run()?.refuses(127, MISSING, "")?;
    Ok(())
}

fn path_08_a_path_may_be_any_bytes(suite: &Suite<'_>) -> Verdict {
    for name in [&b"\xff\xfe"[..], b"two words", b"line\nbreak", "über".as_bytes(), b"-dash", b"a=b,c"] {
        suite.probe_at(suite.path("files").join(OsStr::from_bytes(name)))?;
        let path = suite.path("files").join(OsStr::from_bytes(name));
        let run = suite.ww().binary(&path, ["facts"]).run()?;
        run.same("its own name", run.facts()?.argv[0].clone(), crate::facts::escaped(path.as_os_str().as_bytes()))?;
    }
    Ok(())
}

fn exit_06_a_directory_cant_be_executed(suite: &Suite<'_>) -> Verdict {
    fs::create_dir(suite.path("files/folder"))?;
    for path in ["files/folder", "files/folder/", "files"] {
        let path = suite.path(path);
        suite.ww().binary(&path, ["facts"]).run()?.refuses(126, "", &path.to_string_lossy())?;
    }
    suite.ww().flags(["/", "facts"]).run()?.refuses(126, "", "/")?;
    suite.ww().flags([".", "facts"]).run()?.refuses(126, "", ".")?;
    Ok(())
}

fn exit_07_a_file_without_execute_bit_cant_be_executed(suite: &Suite<'_>) -> Verdict {
    let path = suite.probe_at("files/cell")?;
    for mode in [0o644, 0o600, 0o444, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        suite.ww().binary(&path, ["facts"]).run()?.refuses(126, "", &path.to_string_lossy())?;
    }
    Ok(())
}

fn exit_08_an_unknown_format_cant_be_executed(suite: &Suite<'_>) -> Verdict {
    let cut = &fs::read(suite.probe())?[..40];
    let contents: [(&str, &[u8]); 5] = [
        ("empty", b""),
        ("text", b"echo ran\n"),
        ("cut", cut),
        ("zeros", &[0; 4096]),
        ("other", b"\x7fELF\x09\x09\x09"),
    ];
    for (name, content) in contents {
        let path = suite.program(name, content)?;
        suite.ww().binary(&path, ["facts"]).run()?.refuses(126, "", &path.to_string_lossy())?;
    }
    Ok(())
}
