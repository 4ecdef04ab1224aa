//! Long work shows itself, on standard error: how far it is, and in the end nothing of it.
//!
//! - What it does: keeps one line of a terminal up to date while something is fetched, exported or hashed, and takes it away
//!   when that is done; without a terminal it writes lines, if it must. Says, where asked, which source served what.
//! - What must stay true: work that is done within half a second shows nothing, and starts nothing: no thread, no timer
//!   of the system's. The line is gone before anything else is said, and before a cell starts. A job in the background, which a
//!   terminal may stop for writing, is silent. What is shown is escaped.
//! - Serves: STORE-55 to STORE-57.
//!
//! The line is ours and not a crate's (indicatif, which the suite has): none leaves alone a terminal that another job has, or
//! wipes its line when a signal ends the program; and four crates would be more than what is here.

mod gauge;

use std::cell::RefCell;
use std::fmt;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::amount::Bytes;
use crate::content::{Content, Seen, Served};
use crate::notice::note;
use crate::sys::line::{self, WIPE};
use crate::tame::tame;
use gauge::Gauge;

/// Work that is done before this shows nothing.
const AFTER: Duration = Duration::from_millis(500);
/// How often a terminal's line changes.
const OFTEN: Duration = Duration::from_millis(125);
/// How often a line is written without one.
const SELDOM: Duration = Duration::from_secs(1);
/// The width of a terminal that doesn't tell, and of lines without one.
const WIDTH: u16 = 80;

/// When progress is shown (`--progress`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    /// Where standard error is a terminal.
    #[default]
    Auto,
    /// Everywhere: where there is no terminal, a line a second.
    Always,
    /// Nowhere.
    Never,
}

/// What a command tells while it works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Telling {
    /// When it shows how far it is.
    pub progress: When,
    /// Whether it says who served what.
    pub verbose: bool,
}

/// Shows how far a work is, from half a second after its begin on.
pub struct Meter {
    gauge: Gauge,
    /// Whether it is a line that changes.
    changes: bool,
    next: Instant,
}

impl Meter {
    /// For a work that begins now, and gets its bytes `from` or brings them `to` somebody. `None` where nothing will be shown.
    pub fn new(when: When, way: &'static str) -> Option<Meter> {
        if when == When::Never {
            return None;
        }
        // One that can't take a line back would have them all (terminfo(5), "dumb").
        let able = || std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
        let changes = stderr().is_terminal() && able();
        let began = Instant::now();
        let meter = || Meter { gauge: Gauge::new(began, way), changes, next: began + AFTER };
        (changes || when == When::Always).then(meter)
    }

    /// So much is done by now, of so much.
    pub fn is_at(&mut self, done: u64, of: Option<u64>) {
        self.gauge.set(done, of);
        self.tick();
    }

    /// With whom it goes on, and which way.
    pub fn goes(&mut self, way: &'static str, with: &str) {
        self.gauge.way = way;
        self.gauge.is_with(with);
    }

    /// Time has passed.
    fn tick(&mut self) {
        let now = Instant::now();
        if now >= self.next {
            self.next = now + if self.changes { OFTEN } else { SELDOM };
            self.draw(now);
        }
    }

    fn draw(&mut self, now: Instant) {
        if !self.changes {
            let _ = writeln!(stderr(), "{}", self.gauge.line(now, WIDTH.into()));
            return;
        }
        if !line::is_in_foreground(stderr()) {
            return;
        }
        line::is_there(true);
        // One that is full breaks the line at some terminals.
        let width = line::width(stderr()).unwrap_or(WIDTH).saturating_sub(1);
        let line = self.gauge.line(now, width.into());
        // At once, so that no half of it is ever shown.
        let _ = stderr().write_all(format!("{WIPE}{line}").as_bytes());
    }

    /// Takes the line away, as something else is to be said.
    pub fn clear(&mut self) {
        line::clear();
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Does what gets content, and shows how far it is; however it ends, the line is gone then.
pub(crate) async fn during<T>(when: When, content: &Content, work: impl Future<Output = T>) -> T {
    let Some(meter) = Meter::new(when, "from") else { return work.await };
    let meter = std::rc::Rc::new(RefCell::new(meter));
    let seen = meter.clone();
    content.watch(move |what| seen.borrow_mut().see(what));
    let _watched = Watched(content);
    let ticks = async {
        sleep(AFTER).await;
        loop {
            meter.borrow_mut().tick();
            sleep(OFTEN).await;
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        () = ticks => unreachable!("time goes on"),
    }
}

/// Content whose watcher goes with this, and with that the line.
struct Watched<'a>(&'a Content);

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.0.unwatch();
    }
}

impl Meter {
    fn see(&mut self, seen: Seen<'_>) {
        match seen {
            Seen::Whole(bytes) => self.gauge.expect(bytes),
            Seen::Block { bytes, source } => {
                self.gauge.add(bytes);
                self.gauge.is_with(source);
            }
        }
        self.tick();
    }
}

/// What went from one to another, for people.
pub struct Count {
    /// How many blocks.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.blocks == 1 { "" } else { "s" };
        write!(f, "{} block{plural}, {}", self.blocks, Bytes(self.bytes))
    }
}

/// Says which source gave what, one line each; of those that gave something since `before`.
pub(crate) fn say_served(content: &Content, before: &[Served], whom: &str) {
    for Served { source, blocks, bytes } in content.served() {
        let then =
            before.iter().find(|served| served.source == source).map_or((0, 0), |then| (then.blocks, then.bytes));
        let (blocks, bytes) = (blocks - then.0, bytes - then.1);
        if blocks > 0 {
            note(format_args!("{whom}from {}: {}", tame(&source), Count { blocks, bytes }));
        }
    }
}
