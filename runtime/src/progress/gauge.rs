//! How far a work is, how fast it goes, and how long it takes: numbers, and the text that they come to.
//!
//! What must stay true: the text is printable ASCII and has no more characters than it is allowed, so that a terminal shows it in
//! one line, whatever a source is called. Numbers that content made up can make it wrong and nothing else.
//! Serves: STORE-55, STORE-56.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::amount::Bytes;

/// The rate is that of so long a time, the last.
const WINDOW: Duration = Duration::from_secs(5);
/// How far apart what it is reckoned from is.
const STEP: Duration = Duration::from_millis(200);
/// Nobody waits for what takes longer: 100 hours.
const LONGEST: u64 = 360_000;

/// A work that goes on.
pub(super) struct Gauge {
    /// What it does with the bytes, as the line has it: `from`, or `to`.
    pub(super) way: &'static str,
    done: u64,
    of: Option<u64>,
    with: String,
    /// How much was done when, the oldest first.
    marks: VecDeque<(Instant, u64)>,
}

impl Gauge {
    pub(super) fn new(began: Instant, way: &'static str) -> Gauge {
        Gauge { way, done: 0, of: None, with: String::new(), marks: [(began, 0)].into() }
    }

    /// So much is done by now, of so much.
    pub(super) fn set(&mut self, done: u64, of: Option<u64>) {
        (self.done, self.of) = (done, of);
    }

    /// So much more is done.
    pub(super) fn add(&mut self, bytes: u64) {
        self.done = self.done.saturating_add(bytes);
    }

    /// It is known now how much there is; what is told first counts.
    pub(super) fn expect(&mut self, of: u64) {
        self.of.get_or_insert(of);
    }

    /// With whom it goes on; text of anybody's.
    pub(super) fn is_with(&mut self, source: &str) {
        if self.with != source {
            source.clone_into(&mut self.with);
        }
    }

    /// The line at this time, of `width` characters at most. What stands last is what goes first.
    pub(super) fn line(&mut self, now: Instant, width: usize) -> String {
        // It has begun anew.
        if self.marks.back().is_some_and(|(_, done)| *done > self.done) {
            self.marks.clear();
        }
        if self.marks.back().is_none_or(|(last, _)| now.duration_since(*last) >= STEP) {
            self.marks.push_back((now, self.done));
        }
        while self.marks.len() > 2 && now.duration_since(self.marks[1].0) >= WINDOW {
            self.marks.pop_front();
        }
        let mut line = format!("ww: {}", Bytes(self.done));
        // A size that was exceeded is none.
        let of = self.of.filter(|of| *of >= self.done);
        let rate = self.rate(now);
        let mut parts =
            Vec::from([of.map(|of| format!(" of {}", Bytes(of))), rate.map(|rate| format!(", {}/s", Bytes(rate)))]);
        parts.push(of.zip(rate).and_then(|(of, rate)| left(of - self.done, rate)));
        parts.push((!self.with.is_empty()).then(|| format!(", {} {}", self.way, self.with.escape_default())));
        for part in parts.into_iter().flatten() {
            if line.len() + part.len() > width {
                break;
            }
            line.push_str(&part);
        }
        line.truncate(width);
        line
    }

    /// Bytes a second, once that can be told.
    fn rate(&self, now: Instant) -> Option<u64> {
        let (since, before) = self.marks.front()?;
        let passed = now.duration_since(*since).as_millis();
        let done = u128::from(self.done.saturating_sub(*before));
        (passed > 0).then(|| u64::try_from(done * 1000 / passed).unwrap_or(u64::MAX))
    }
}

/// How long so many bytes take at a rate.
fn left(bytes: u64, rate: u64) -> Option<String> {
    let seconds = bytes.checked_div(rate)? + u64::from(!bytes.is_multiple_of(rate));
    Some(match seconds {
        0..60 => format!(", {seconds}s left"),
        60..3600 => format!(", {}m{:02}s left", seconds / 60, seconds % 60),
        3600..LONGEST => format!(", {}h{:02}m left", seconds / 3600, seconds / 60 % 60),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A work of so many bytes that has gone on for some seconds at 3 MiB/s.
    fn working(of: Option<u64>, seconds: u64) -> (Gauge, Instant) {
        let began = Instant::now();
        let mut gauge = Gauge::new(began, "from");
        gauge.is_with("the store");
        for second in 1..=seconds {
            gauge.set((second * 3) << 20, of);
            gauge.line(began + Duration::from_secs(second), 80);
        }
        (gauge, began + Duration::from_secs(seconds))
    }

    #[test]
    fn it_says_how_far_how_fast_how_long_and_from_where() {
        let (mut gauge, now) = working(Some(30 << 20), 5);
        assert_eq!(gauge.line(now, 80), "ww: 15.0M of 30.0M, 3.0M/s, 5s left, from the store");
        let (mut gauge, now) = working(Some(3 << 30), 5);
        assert_eq!(gauge.line(now, 80), "ww: 15.0M of 3.0G, 3.0M/s, 16m59s left, from the store");
        let (mut gauge, now) = working(None, 5);
        assert_eq!(gauge.line(now, 80), "ww: 15.0M, 3.0M/s, from the store");
    }

    #[test]
    fn one_that_stands_still_says_so() {
        let (mut gauge, now) = working(Some(30 << 20), 5);
        for second in 1..=7 {
            gauge.line(now + Duration::from_secs(second), 80);
        }
        assert_eq!(gauge.line(now + Duration::from_secs(8), 80), "ww: 15.0M of 30.0M, 0B/s, from the store");
    }

    #[test]
    fn more_than_was_declared_is_of_an_unknown_size() {
        let (mut gauge, now) = working(Some(1 << 20), 5);
        assert_eq!(gauge.line(now, 80), "ww: 15.0M, 3.0M/s, from the store");
    }

    #[test]
    fn what_does_not_fit_is_left_out_from_the_end() {
        let (mut gauge, now) = working(Some(30 << 20), 5);
        let lines = [50, 37, 28, 20, 9, 5, 0].map(|width| gauge.line(now, width));
        let wanted = [
            "ww: 15.0M of 30.0M, 3.0M/s, 5s left",
            "ww: 15.0M of 30.0M, 3.0M/s, 5s left",
            "ww: 15.0M of 30.0M, 3.0M/s",
            "ww: 15.0M of 30.0M",
            "ww: 15.0M",
            "ww: 1",
            "",
        ];
        assert_eq!(lines, wanted);
    }

    #[test]
    fn a_hostile_name_is_escaped() {
        let mut gauge = Gauge::new(Instant::now(), "from");
        gauge.is_with("http://a\x1b[2J\r\u{202e}é");
        let line = gauge.line(Instant::now(), 80);
        assert!(line.ends_with("from http://a\\u{1b}[2J\\r\\u{202e}\\u{e9}"), "{line}");
    }

    proptest! {
        #[test]
        fn whatever_comes_it_is_one_line_that_fits(
            steps in proptest::collection::vec((any::<u64>(), any::<Option<u64>>(), 0..10_000_u64), 0..40),
            with in any::<String>(),
            width in 0..200_usize,
        ) {
            let mut now = Instant::now();
            let mut gauge = Gauge::new(now, "to");
            gauge.is_with(&with);
            for (done, of, passed) in steps {
                now += Duration::from_millis(passed);
                gauge.set(done, of);
                gauge.add(done);
                let line = gauge.line(now, width);
                prop_assert!(line.len() <= width);
                prop_assert!(line.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
            }
        }
    }
}
