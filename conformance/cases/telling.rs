//! Work that takes long, in a terminal: what its screen shows meanwhile, and that nothing of it stays.

use std::io::Write;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::cases::export::{at, bytes, export};
use crate::cases::ipfs::{nobody, script_of};
use crate::cases::sources_store::rots;
use crate::fake::{Fake, blocks_alone, honest_gateway, slow_parts};
use crate::invocation::Invocation;
use crate::node::{Import, Node};
use crate::registry::{Case, case};
use crate::suite::Suite;
use crate::terminal::Terminal;
use crate::verdict::{Stop, Verdict, holds, same};

pub(crate) const CASES: &[Case] = &[
    case!(store_55_a_slow_fetch_shows_itself_until_the_cell_runs),
    case!(store_55_a_slow_import_shows_itself),
    case!(store_55_a_slow_tree_shows_itself),
    case!(store_55_a_slow_export_shows_itself),
    case!(store_55_it_stays_within_a_narrow_terminal),
    case!(store_55_a_failure_stands_alone),
    case!(store_55_a_warning_stands_alone),
    case!(store_55_ctrl_c_leaves_a_clean_line),
    case!(store_55_a_job_in_the_background_shows_nothing),
];

/// The path of a script of sixteen blocks and the one above them, all its own.
pub(crate) fn slow_script(node: &Node) -> Verdict<String> {
    Ok(format!("/ipfs/{}", node.add(script_of(16 * 16384), in_sixteen())?))
}

/// How the script comes to sixteen blocks.
fn in_sixteen() -> Import<'static> {
    Import { version: Some(1), chunker: Some("size-16384"), ..Import::default() }
}

/// What a slow gateway takes for each block: not so long that nobody would wait for it.
const SLOW: Duration = Duration::from_millis(350);

/// A gateway that takes a while for each block, and has nothing but blocks.
pub(crate) fn slow_gateway(node: &Node) -> Verdict<Fake> {
    Ok(blocks_alone(node, |answer, stream| {
        std::thread::sleep(SLOW);
        stream.write_all(&answer.bytes())
    })?)
}

/// The flags that name a gateway alone.
pub(crate) fn from(gateway: &Fake) -> Verdict<Vec<String>> {
    Ok(vec!["--ipfs".into(), nobody()?, "--gateway".into(), gateway.url()])
}

/// In a terminal that can do what most can.
pub(crate) fn within<'a>(terminal: &Terminal, run: Invocation<'a>) -> Invocation<'a> {
    terminal.with(run.env("TERM", "xterm-256color"))
}

/// Whether a state of the screen tells how far something is.
fn tells(screen: &str) -> bool {
    screen.lines().count() == 1 && screen.contains("/s") && screen.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether a screen ends like this.
fn ends(screens: &[String], last: &str) -> bool {
    screens.last().is_some_and(|screen| screen == last)
}

/// Checks that some states told how far it is, on one line, and who served it; and how the screen looks in the end.
fn told(terminal: &Terminal, with: &str, last: &str) -> Verdict {
    terminal.comes_to(&format!("it shows how far it is, and in the end {last:?}"), |screens| {
        screens.iter().filter(|screen| tells(screen)).count() > 1 && ends(screens, last)
    })?;
    terminal.comes_to(&format!("with whom: {with}"), |screens| {
        screens.iter().any(|screen| tells(screen) && screen.contains(with))
    })
}

fn store_55_a_slow_fetch_shows_itself_until_the_cell_runs(suite: &Suite<'_>) -> Verdict {
    let (node, terminal) = (suite.node()?, Terminal::open(suite)?);
    let (path, gateway) = (slow_script(node)?, slow_gateway(node)?);
    let run = within(&terminal, suite.ww().flags(from(&gateway)?).binary(&path, ["a"])).run()?;
    run.exits(0)?;
    told(&terminal, &gateway.url(), "ran a")?;
    // 16 blocks of 16 KiB are 262,144 bytes: in whatever unit, that is known when the first has come.
    let total =
        |screen: &String| [" of 256", " of 262", "/256", "/262", " of 0.2"].iter().any(|of| screen.contains(of));
    terminal.comes_to("of how many", |screens| screens.iter().any(total))?;
    terminal.comes_to("the line is gone before the cell says a word", |screens| {
        !screens.iter().any(|screen| screen.contains("ran") && screen.contains("/s"))
    })
}

fn store_55_a_slow_import_shows_itself(suite: &Suite<'_>) -> Verdict {
    import_from(suite, slow_gateway(suite.node()?)?)
}

fn store_55_a_slow_tree_shows_itself(suite: &Suite<'_>) -> Verdict {
    import_from(suite, slow_parts(suite.node()?, SLOW)?)
}

/// Imports sixteen files from a gateway that takes its time.
fn import_from(suite: &Suite<'_>, gateway: Fake) -> Verdict {
    let (node, terminal) = (suite.node()?, Terminal::open(suite)?);
    let files = (0..16).map(|n| (format!("f{n}"), format!("{n}").repeat(5000).into_bytes()));
    let cid = node.directory(files)?;
    let to = at(suite, "there");
    let run = suite
        .tool("import")
        .flags(from(&gateway)?)
        .flags([format!("/ipfs/{cid}").as_bytes(), to.as_os_str().as_encoded_bytes()]);
    within(&terminal, run).run()?.exits(0)?;
    told(&terminal, &gateway.url(), "")
}

fn store_55_a_slow_export_shows_itself(suite: &Suite<'_>) -> Verdict {
    let terminal = Terminal::open(suite)?;
    let run = export(suite).env("TERM", "xterm").flags(["-"]).with_input().place(2, &terminal.line());
    let mut run = run.start()?;
    let half = String::from_utf8_lossy(&bytes(3_000_000)).into_owned();
    run.say(&half)?;
    // It goes on when it has said something twice.
    terminal.shows("/s", 2)?;
    run.say(&half)?;
    let ended = run.finish()?;
    ended.exits(0)?.holds("it prints the path alone", ended.stdout.starts_with(b"/ipfs/"))?;
    told(&terminal, "", "")
}

fn store_55_it_stays_within_a_narrow_terminal(suite: &Suite<'_>) -> Verdict {
    let (node, path) = (suite.node()?, slow_script(suite.node()?)?);
    let gateway = slow_gateway(node)?;
    for columns in [30, 12] {
        let terminal = Terminal::open(suite)?;
        terminal.has_columns(columns)?;
        let run = within(&terminal, suite.ww().flags(from(&gateway)?).binary(&path, ["a"])).run()?;
        run.exits(0)?;
        terminal.comes_to("it shows something on one line, of which nothing is left", |screens| {
            screens.len() > 3 && screens.iter().all(|screen| screen.lines().count() <= 1) && ends(screens, "ran a")
        })?;
    }
    Ok(())
}

fn store_55_a_failure_stands_alone(suite: &Suite<'_>) -> Verdict {
    let (node, terminal) = (suite.node()?, Terminal::open(suite)?);
    terminal.has_columns(500)?;
    let path = slow_script(node)?;
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let breaks = blocks_alone(node, move |answer, stream| {
        std::thread::sleep(SLOW);
        match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0..9 => stream.write_all(&answer.bytes()),
            _ => stream.write_all(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
        }
    })?;
    let run = within(&terminal, suite.ww().flags(from(&breaks)?).binary(&path, ["a"])).run()?;
    run.exits(1)?.is_a_refusal();
    terminal.comes_to("it showed how far it was, and what is left is the error", |screens| {
        let alone = |last: &String| last.starts_with("ww: failed to get IPFS path: ") && !last.contains("/s,");
        screens.iter().any(|screen| tells(screen)) && screens.last().is_some_and(alone)
    })
}

/// The last block is in the store, and rotten; the others come slowly, so that it is met while it is shown how far they are.
fn store_55_a_warning_stands_alone(suite: &Suite<'_>) -> Verdict {
    let (node, terminal) = (suite.node()?, Terminal::open(suite)?);
    terminal.has_columns(500)?;
    let (mark, mut content) = (b"#told-on-the-way", script_of(16 * 16384));
    content[16 * 16384 - mark.len()..].copy_from_slice(mark);
    let last = node.add(content[15 * 16384..].to_vec(), in_sixteen())?;
    let path = format!("/ipfs/{}", node.add(content, in_sixteen())?);
    let store = suite.path("data").join("store");
    let import = |path: &str, gateway: &Fake, to: &str| {
        let run = suite.tool("import").env("WW_STORE", store.as_os_str().as_encoded_bytes()).flags(from(gateway)?);
        Ok::<_, Stop>(run.flags([path.as_bytes(), at(suite, to).as_os_str().as_encoded_bytes()]))
    };
    import(&format!("/ipfs/{last}"), &honest_gateway(node)?, "last")?.run()?.exits(0)?;
    rots(&store, mark)?;
    within(&terminal, import(&path, &slow_gateway(node)?, "all")?).run()?.exits(0)?;
    let warned = |line: &str| line.contains(&last);
    terminal.comes_to("it shows how far it is, and a warning that names the block", |screens| {
        screens.iter().any(|screen| tells(screen)) && screens.last().is_some_and(|screen| warned(screen))
    })?;
    terminal.comes_to("which stands on a line of its own", |screens| {
        let mut lines = screens.iter().flat_map(|screen| screen.lines()).filter(|line| warned(line));
        lines.all(|line| line.starts_with("ww: ") && line.matches("ww: ").count() == 1)
    })
}

fn store_55_ctrl_c_leaves_a_clean_line(suite: &Suite<'_>) -> Verdict {
    let (node, mut terminal) = (suite.node()?, Terminal::open(suite)?);
    let (path, gateway) = (slow_script(node)?, slow_gateway(node)?);
    // What the terminal echoes of the key, it may echo after all else.
    let clean = |terminal: &Terminal| {
        terminal.comes_to("nothing is left of the line", |screens| {
            screens.iter().any(|screen| tells(screen)) && ["", "^C"].iter().any(|left| ends(screens, left))
        })
    };
    let to = at(suite, "there");
    let words = [path.as_bytes(), to.as_os_str().as_encoded_bytes()];
    let fetches = [
        suite.ww().flags(from(&gateway)?).binary(&path, ["a"]),
        suite.tool("import").flags(from(&gateway)?).flags(words),
    ];
    for fetch in fetches {
        let run = within(&terminal, fetch).start()?;
        terminal.shows("/s", 1)?;
        terminal.types("\x03")?;
        let run = run.finish()?;
        run.holds("it ends", !run.report.overdue && run.report.code != Some(0))?;
        clean(&terminal)?;
        terminal = Terminal::open(suite)?;
    }
    // An export has no cell and nothing to clear up but that.
    let run = export(suite).env("TERM", "xterm").flags(["-"]).with_input().place(2, &terminal.line());
    let mut run = run.start()?;
    run.say(&String::from_utf8_lossy(&bytes(100_000)))?;
    terminal.shows("/s", 1)?;
    run.signal(Signal::SIGINT);
    holds("it ends", run.ends_within(10_000), terminal.shown())?;
    run.finish()?;
    clean(&terminal)
}

fn store_55_a_job_in_the_background_shows_nothing(suite: &Suite<'_>) -> Verdict {
    let (node, terminal) = (suite.node()?, Terminal::open(suite)?);
    let (path, gateway) = (slow_script(node)?, slow_gateway(node)?);
    let fetch = suite.ww().flags(from(&gateway)?).flags(["--listen", "none"]).binary(&path, ["a"]);
    let words: String = fetch.words().iter().map(|word| format!("'{}' ", String::from_utf8_lossy(word))).collect();
    // As a shell of a user has it: a job of its own in the background, which the terminal stops where it writes.
    let ran = at(suite, "ran");
    let script = format!("stty tostop; set -m; {words} >'{}' </dev/null & wait $!; echo code-$?", ran.display());
    within(&terminal, suite.command(["/bin/bash", "-c", &script])).run()?.exits(0)?;
    terminal.shows("code-0", 1)?;
    same("what the cell said", std::fs::read(ran)?, b"ran a\n".to_vec())?;
    holds("nobody but the shell said a word", terminal.has_shown("ww: ") == 0, terminal.shown())
}
