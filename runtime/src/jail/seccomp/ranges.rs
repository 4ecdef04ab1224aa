//! Ranges of numbers that have one verdict: what the compiler searches.
//!
//! What must stay true: ranges rise from 0, and neighbours differ.

use super::allowed::ALLOWED;
use super::check::{Decision, Range, Verdict};
use super::{Machine, Subject};

/// Call numbers below this are told apart; none is above but x32's.
pub const NUMBERS: usize = 512;
/// A call number with this bit is x32's, another ABI on the same table (`asm/unistd.h`).
pub const X32: u32 = 0x4000_0000;
/// More ranges than that don't make a program whose jumps are all a byte.
const MOST: usize = 256;

/// What isn't allowed isn't there: a libc goes on to the call that was before (JAIL-19).
pub const DEFAULT: Verdict = Verdict::Errno(libc::ENOSYS);

/// Ranges of call numbers.
pub struct Ranges {
    /// The ranges, rising from 0.
    pub list: [Range; MOST],
    /// How many there are.
    pub count: usize,
}

impl Ranges {
    const EMPTY: Ranges = Ranges { list: [Range { from: 0, verdict: DEFAULT }; MOST], count: 0 };

    /// Adds what begins at a number; what goes on as before is no range of its own.
    const fn add(&mut self, from: u32, verdict: Verdict) {
        if self.count == 0 || self.list[self.count - 1].verdict.label() != verdict.label() {
            self.list[self.count] = Range { from, verdict };
            self.count += 1;
        }
    }

    /// What becomes of each call number.
    pub const fn of(machine: Machine, subject: Subject) -> Ranges {
        let mut verdicts = [DEFAULT; NUMBERS];
        let mut group = 0;
        while group < ALLOWED.len() {
            let calls = ALLOWED[group].calls;
            let mut call = 0;
            while call < calls.len() && ALLOWED[group].is_for(subject) {
                if let Some(number) = calls[call].number(machine) {
                    verdicts[number as usize] = match calls[call].check {
                        Some(check) => match check.of(subject) {
                            Decision::Always(verdict) => verdict,
                            Decision::By(_) => Verdict::Depends(check),
                        },
                        None => Verdict::Allow,
                    };
                }
                call += 1;
            }
            group += 1;
        }
        let mut ranges = Ranges::EMPTY;
        let mut number = 0;
        while number < NUMBERS {
            ranges.add(number as u32, verdicts[number]);
            number += 1;
        }
        ranges.add(NUMBERS as u32, DEFAULT);
        if matches!(machine, Machine::X86_64) {
            ranges.add(X32, Verdict::Kill);
            // No number at all, which a tracer sets to have a call passed over (ptrace(2)).
            ranges.add(u32::MAX, DEFAULT);
        }
        ranges
    }
}

/// How many of the ranges from `low` on one test tells apart: three, where a single number lies among others that have
/// one verdict, and is compared with.
pub const fn told_apart(ranges: &[Range], low: usize, high: usize) -> usize {
    let alone = low + 2 < high
        && ranges[low + 2].from == ranges[low + 1].from + 1
        && ranges[low + 2].verdict.label() == ranges[low].verdict.label();
    if alone { 3 } else { 1 }
}

/// Where ranges are to be parted, so that what a test tells apart is halved; `high` where it is one such test.
pub const fn middle(ranges: &[Range], low: usize, high: usize) -> usize {
    let (mut tests, mut at) = (0, low);
    while at < high {
        at += told_apart(ranges, at, high);
        tests += 1;
    }
    at = low;
    let mut left = if tests == 1 { 1 } else { tests / 2 };
    while left > 0 {
        at += told_apart(ranges, at, high);
        left -= 1;
    }
    at
}
