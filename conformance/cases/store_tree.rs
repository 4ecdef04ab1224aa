//! `--ro` of an IPFS path: a tree in the cell's view, all of it and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::{Value, json};

use crate::adapter::Caller;
use crate::cases::import::with_modes;
use crate::cases::import_hostile::PHRASE;
use crate::cases::ipfs::{SCRIPT, nobody, script_of, sharded, sharded_files};
use crate::cases::ipfs_kinds::linked;
use crate::cases::sources_store::{failing, in_store};
use crate::fake::blocks_alone;
use crate::invocation::Invocation;
use crate::node::{Import, Node, unixfs};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::verdict::{Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(store_50_a_directory_is_shown_at_its_place),
    case!(store_50_a_file_is_shown_alone),
    case!(store_50_without_a_place_it_lies_where_its_path_says),
    case!(store_50_a_sharded_directory_is_shown_whole),
    case!(store_50_a_name_leads_to_a_tree),
    case!(store_50_what_is_no_cid_is_a_local_path),
    case!(store_53_what_can_be_executed),
    case!(store_53_links_are_as_they_are),
    case!(store_53_each_run_sees_the_same),
    case!(store_54_a_program_in_a_tree_runs_there),
    case!(store_54_what_isnt_executable_there_runs_all_the_same),
    case!(store_54_what_is_shared_is_asked_for_once),
    case!(store_54_a_tree_in_the_store_is_asked_of_nobody),
];

/// Whoever runs the suite, and an ordinary user.
pub(crate) const CALLERS: [Caller; 2] = [Caller::Current, Caller::Ordinary];

/// A run by a caller, who may write in the temporary directory.
pub(crate) fn called<'a>(suite: &'a Suite<'a>, caller: Caller) -> Verdict<Invocation<'a>> {
    fs::set_permissions(suite.path("tmp"), fs::Permissions::from_mode(0o1777))?;
    Ok(suite.ww_with_node()?.by(caller))
}

/// What came of one deed of the probe in a cell that is shown a tree.
pub(crate) fn deed(suite: &Suite<'_>, caller: Caller, grant: &str, words: &[&str]) -> Verdict<Result<Value, i32>> {
    called(suite, caller)?.flags(["--ro", grant]).probe(words).run()?.deed()
}

/// A directory with `inner/file` and `tool`.
pub(crate) fn small(node: &Node) -> Verdict<String> {
    node.directory([("inner/file", b"within".to_vec()), ("tool", SCRIPT.into())])
}

/// What a shell in a cell prints.
pub(crate) fn shell(run: Invocation<'_>, words: &str) -> Verdict<String> {
    let run = run.binary("/bin/sh", ["-c", words]).run()?;
    run.exits(0)?;
    Ok(String::from_utf8_lossy(&run.stdout).into_owned())
}

fn store_50_a_directory_is_shown_at_its_place(suite: &Suite<'_>) -> Verdict {
    let cid = small(suite.node()?)?;
    for caller in CALLERS {
        for (grant, at) in [
            (format!("/ipfs/{cid}:/given/deep"), "/given/deep"),
            (format!("ipfs://{cid}:/opt"), "/opt"),
            (format!("/ipfs/{cid}/:/work/tree"), "/work/tree"),
        ] {
            let ask = |verb, below| deed(suite, caller, &grant, &[verb, &format!("{at}{below}")]);
            same("its names", ask("list", "")?, Ok(json!(["inner", "tool"])))?;
            same("a file in it", ask("read", "/inner/file")?, Ok("within".into()))?;
        }
        let below = deed(suite, caller, &format!("/ipfs/{cid}/inner:/given"), &["list", "/given"])?;
        same("a directory below", below, Ok(json!(["file"])))?;
    }
    Ok(())
}

fn store_50_a_file_is_shown_alone(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let parts = Import { version: Some(1), chunker: Some("size-4096"), ..Import::default() };
    let large = node.add(script_of(50_000), parts)?;
    let folder = small(node)?;
    for caller in CALLERS {
        let run = called(suite, caller)?.flags(["--ro", &format!("/ipfs/{large}:/given/name")]);
        let found = shell(run, "ls /given && cat /given/name")?;
        holds("it is there whole", found.as_bytes() == [b"name\n", &script_of(50_000)[..]].concat(), found.len())?;
        let grant = format!("/ipfs/{folder}/inner/file:/etc/hosts");
        same("in another's place", deed(suite, caller, &grant, &["read", "/etc/hosts"])?, Ok("within".into()))?;
    }
    Ok(())
}

fn store_50_without_a_place_it_lies_where_its_path_says(suite: &Suite<'_>) -> Verdict {
    let cid = small(suite.node()?)?;
    for (grant, at) in [
        (format!("/ipfs/{cid}"), format!("/ipfs/{cid}")),
        (format!("ipfs://{cid}/"), format!("/ipfs/{cid}")),
        (format!("/ipfs/{cid}/inner"), format!("/ipfs/{cid}/inner")),
    ] {
        let names = if grant.ends_with("inner") { json!(["file"]) } else { json!(["inner", "tool"]) };
        same(&grant, deed(suite, Caller::Current, &grant, &["list", &at])?, Ok(names))?;
    }
    let both = suite.ww_with_node()?.flags(["--ro", &format!("/ipfs/{cid}"), "--ro", &format!("/ipfs/{cid}:/there")]);
    same("two of them", shell(both, &format!("cat /ipfs/{cid}/inner/file /there/inner/file"))?, "withinwithin".into())
}

fn store_50_a_sharded_directory_is_shown_whole(suite: &Suite<'_>) -> Verdict {
    let cid = sharded(suite.node()?)?;
    let run = suite.ww_with_node()?.flags(["--ro", &format!("/ipfs/{cid}:/given")]);
    let found = shell(run, "cd /given && wc -c *")?;
    let wanted: BTreeMap<String, usize> =
        sharded_files().into_iter().map(|(name, content)| (name, content.len())).collect();
    let found: BTreeMap<String, usize> = found
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .filter(|(_, name)| *name != "total")
        .map(|(size, name)| (name.to_owned(), size.parse().unwrap_or(usize::MAX)))
        .collect();
    holds("all is there, and nothing else", found == wanted, found.len())
}

fn store_50_a_name_leads_to_a_tree(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let own = suite.scratch().file_name().unwrap_or_default().display();
    let name = node.publish(&format!("/ipfs/{}", small(node)?), &format!("ww-conformance-tree-{own}"))?;
    let there = |grant: String, at: &str| deed(suite, Caller::Current, &grant, &["read", at]);
    same("at a place", there(format!("{name}/inner:/given"), "/given/file")?, Ok("within".into()))?;
    same("at its own", there(name.clone(), &format!("{name}/inner/file"))?, Ok("within".into()))
}

fn store_50_what_is_no_cid_is_a_local_path(suite: &Suite<'_>) -> Verdict {
    let nobody = nobody()?;
    for grant in ["/ipfs/nothing:/given", "/ipfs:/given", "/ipns/nothing:/given", "ipfs/x:/given"] {
        let run = suite.ww().flags(["--ipfs", &nobody, "--ro", grant]).probe(["exit", "0"]).run()?;
        run.refuses(1, "", grant)?;
        run.holds("it isn't looked for in IPFS", !run.first_line().contains(PHRASE))?;
    }
    Ok(())
}

fn store_53_what_can_be_executed(suite: &Suite<'_>) -> Verdict {
    let (path, names) = with_modes(suite.node()?)?;
    let plain = small(suite.node()?)?;
    for caller in CALLERS {
        let run = called(suite, caller)?.flags(["--ro", &format!("{path}:/given")]);
        let words = "cd /given/below && for f in *; do [ -h $f ] || echo $f $(test -r $f && echo r) $(test -x $f && echo x); done";
        let found = shell(run, words)?;
        let wanted = names.iter().map(|(name, mode)| match mode & 0o111 {
            0 => format!("{name} r\n"),
            _ => format!("{name} r x\n"),
        });
        same("with modes", found, wanted.collect::<String>())?;
        let run = called(suite, caller)?.flags(["--ro", &format!("/ipfs/{plain}:/given")]);
        same("without one", shell(run, "cd / && /given/tool a")?, "ran a\n".into())?;
    }
    Ok(())
}

fn store_53_links_are_as_they_are(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let secret = suite.path("files").join("secret");
    fs::write(&secret, "secret")?;
    symlink(&secret, suite.path("files").join("to-secret"))?;
    let file = linked(&node.add("within", Import { version: Some(1), ..Import::default() })?)?;
    let targets = ["file", "../given/file", &secret.to_string_lossy(), "/nowhere"];
    let mut links = vec![("file".to_owned(), file)];
    for (n, target) in targets.iter().enumerate() {
        let link = unixfs::node(&[], &unixfs::symlink(target));
        links.push((format!("l{n}"), linked(&node.block("dag-pb", "sha2-256", &link)?)?));
    }
    let links: Vec<(&str, &[u8], u64)> = links.iter().map(|(name, cid)| (&name[..], &cid[..], 0)).collect();
    let root = node.block("dag-pb", "sha2-256", &unixfs::node(&links, &unixfs::directory()))?;
    for caller in CALLERS {
        let run = called(suite, caller)?.flags(["--ro", &format!("/ipfs/{root}:/given")]);
        let words =
            "cd /given && for l in l*; do readlink $l; done; for l in l*; do cat $l 2>/dev/null || echo none; done";
        let wanted = targets.map(|target| format!("{target}\n")).concat() + "withinwithinnone\nnone\n";
        same("where they lead", shell(run, words)?, wanted)?;
    }
    Ok(())
}

fn store_53_each_run_sees_the_same(suite: &Suite<'_>) -> Verdict {
    let (dressed, _) = with_modes(suite.node()?)?;
    let plain = format!("/ipfs/{}", small(suite.node()?)?);
    let seen = |path: &str, caller, mask| -> Verdict<String> {
        let run = called(suite, caller)?.umask(mask).flags(["--ro", &format!("{path}:/given")]);
        shell(run, "cd /given && find . -exec stat -c '%n %a %Y' {} + | sort")
    };
    for path in [plain, dressed.clone()] {
        let first = seen(&path, Caller::Current, 0o022)?;
        holds("the cell sees the tree", first.lines().count() > 1, &first)?;
        for (caller, mask) in [(Caller::Current, 0o077), (Caller::Ordinary, 0o022), (Caller::Ordinary, 0)] {
            same("modes and times", seen(&path, caller, mask)?, first.clone())?;
        }
    }
    let times = seen(&dressed, Caller::Current, 0o022)?;
    let all = times.lines().all(|line| line.ends_with(" 1000000000"));
    holds("times are the content's", all, times)
}

fn store_54_a_program_in_a_tree_runs_there(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let beside = b"#!/bin/sh\nexec cat \"$(dirname \"$0\")/../lib/part\"\n".to_vec();
    let probe = fs::read(suite.probe())?;
    let cid = node.directory([("bin/tool", beside), ("lib/part", b"part".to_vec()), ("bin/probe", probe)])?;
    for caller in CALLERS {
        for (grant, at) in [
            (format!("/ipfs/{cid}:/given"), "/given/bin".to_owned()),
            (format!("/ipfs/{cid}"), format!("/ipfs/{cid}/bin")),
            (format!("/ipfs/{cid}/bin:/given"), "/given".to_owned()),
        ] {
            let run = || -> Verdict<_> { Ok(called(suite, caller)?.flags(["--ro", &grant])) };
            let path = format!("/ipfs/{cid}/bin/probe");
            let facts = run()?.binary(&path, ["facts"]).run()?.facts()?;
            same("its own name", facts.argv[0].as_str(), &path[..])?;
            same("where it runs", facts.exe, Some(format!("{at}/probe")))?;
            let tool = run()?.binary(format!("/ipfs/{cid}/bin/tool"), [""; 0]).run()?;
            match grant.ends_with("/bin:/given") {
                false => drop(tool.exits(0)?.prints("part")?),
                true => drop(tool.exits(1)?.prints("")?),
            }
        }
    }
    Ok(())
}

fn store_54_what_isnt_executable_there_runs_all_the_same(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    // Mode 0644 by its content; a program that is named runs whatever its mode.
    let message = [unixfs::file(SCRIPT.as_bytes(), Some(SCRIPT.len() as u64), &[]), vec![0x38, 0xa4, 0x03]].concat();
    let tool = linked(&node.block("dag-pb", "sha2-256", &unixfs::node(&[], &message))?)?;
    let root = unixfs::node(&[("tool", &tool[..], 0)], &unixfs::directory());
    let path = format!("/ipfs/{}", node.block("dag-pb", "sha2-256", &root)?);
    let run = || -> Verdict<_> { Ok(suite.ww_with_node()?.flags(["--ro", &format!("{path}:/given")])) };
    run()?.binary(format!("{path}/tool"), ["a"]).run()?.exits(0)?.prints("ran a\n")?;
    for (missing, code, phrase) in [("/none", 1, PHRASE), ("", 126, "unexpected node type")] {
        let missing = format!("{path}{missing}");
        run()?.binary(&missing, ["a"]).run()?.refuses(code, phrase, &missing)?.nothing_ran()?;
    }
    Ok(())
}

/// A tree of some blocks each of which is one file's alone, with a program.
fn shared(node: &Node) -> Verdict<String> {
    let files = (0..10).map(|n| (format!("d{}/f{n}", n % 3), format!("shared {n}\n").repeat(300).into_bytes()));
    node.directory(files.chain([("bin/tool".to_owned(), script_of(3_000))]))
}

fn store_54_what_is_shared_is_asked_for_once(suite: &Suite<'_>) -> Verdict {
    let cid = shared(suite.node()?)?;
    let gateway = blocks_alone(suite.node()?, |answer, stream| stream.write_all(&answer.bytes()))?;
    let run = in_store(suite, "store")?.flags(["--ipfs", &nobody()?, "--gateway", &gateway.url()]);
    let run = run.flags(["--ro", &format!("/ipfs/{cid}:/given"), "--ro", &format!("/ipfs/{cid}/d0:/more")]);
    run.binary(format!("/ipfs/{cid}/bin/tool"), ["a"]).run()?.exits(0)?.prints("ran a\n")?;
    let mut asked = gateway.targets();
    let all = asked.len();
    asked.sort();
    asked.dedup();
    holds("each block is asked for once", all == asked.len() && all > 10, asked)
}

fn store_54_a_tree_in_the_store_is_asked_of_nobody(suite: &Suite<'_>) -> Verdict {
    let node = suite.node()?;
    let cid = shared(node)?;
    let runs = |flags: &[&str]| -> Verdict {
        let run = in_store(suite, "store")?.flags(flags).flags(["--ro", &format!("/ipfs/{cid}:/given")]);
        run.binary(format!("/ipfs/{cid}/bin/tool"), ["a"]).run()?.exits(0)?.prints("ran a\n")?;
        Ok(())
    };
    runs(&["--ipfs", &node.endpoint()])?;
    let (daemon, gateway) = (failing()?, failing()?);
    runs(&["--ipfs", &daemon.endpoint(), "--gateway", &gateway.url()])?;
    runs(&["--ipfs", &daemon.endpoint(), "--offline"])?;
    let asked = daemon.connections() + gateway.connections();
    holds("nobody is asked", asked == 0, [daemon.targets(), gateway.targets()])
}
