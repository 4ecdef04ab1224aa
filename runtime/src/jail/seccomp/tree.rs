//! The compiler: ranges of numbers into a classic BPF program that searches them by halves.
//!
//! What a filter costs at a start is its length, which the kernel checks and translates, and its depth, as the
//! kernel runs it for every call number at once to find those that are always allowed (Linux 5.11,
//! `seccomp_cache_prepare`). So neighbours are merged into ranges, a test is one instruction, and answers are
//! shared. All of it is done at build time.
//! What must stay true: only LD, JMP, AND and RET are used: the kernel's search for what is always allowed gives up
//! at any other. A jump is a byte, so a program that grows past that doesn't compile.

use super::check::{Check, Decision, Range, Rule, Verdict};
use super::ranges::{self, Ranges};
use super::{Machine, Subject};

/// One instruction, as `struct sock_filter` has it (`linux/filter.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    /// What it does.
    pub code: u16,
    /// How many instructions to pass over where a test holds.
    pub if_true: u8,
    /// How many where it doesn't.
    pub if_false: u8,
    /// Its operand.
    pub operand: u32,
}

/// Loads 32 bits of `struct seccomp_data` from an offset.
pub const LOAD: u16 = 0x20;
/// Keeps the bits of a mask.
pub const AND: u16 = 0x54;
/// Tests for equality.
pub const EQUAL: u16 = 0x15;
/// Tests for at least.
pub const AT_LEAST: u16 = 0x35;
/// Answers.
pub const ANSWER: u16 = 0x06;

/// Where `struct seccomp_data` has the call's number, the architecture, and the low half of the first argument.
pub const NUMBER: u32 = 0;
/// See [`NUMBER`].
pub const ARCHITECTURE: u32 = 4;
/// See [`NUMBER`].
pub const ARGUMENTS: u32 = 16;

/// The longest program whose jumps are all a byte.
const LONGEST: usize = 256;

/// A program that is being written: jumps lead to labels until all of it stands.
#[derive(Clone, Copy)]
enum Label {
    /// Not a jump, or one to the next instruction.
    Next,
    /// An instruction's place.
    At(usize),
    /// An answer or a check.
    To(u32),
}

/// A program.
pub struct Program {
    code: [Instruction; LONGEST],
    jumps: [[Label; 2]; LONGEST],
    length: usize,
}

impl Program {
    /// The filter of a subject on a machine.
    pub const fn compile(machine: Machine, subject: Subject) -> Program {
        let nothing = Instruction { code: 0, if_true: 0, if_false: 0, operand: 0 };
        let mut program = Program { code: [nothing; LONGEST], jumps: [[Label::Next; 2]; LONGEST], length: 0 };
        program.push(LOAD, ARCHITECTURE, Label::Next, Label::Next);
        program.push(EQUAL, machine.architecture(), Label::Next, Label::To(Verdict::Kill.answer()));
        program.push(LOAD, NUMBER, Label::Next, Label::Next);
        let ranges = Ranges::of(machine, subject);
        program.search(&ranges.list, 0, ranges.count);
        let mut check = 0;
        while check < Check::ALL.len() {
            if let Decision::By(rule) = Check::ALL[check].of(subject)
                && program.leads_to(check as u32)
            {
                let start = program.length;
                program.check(rule);
                program.bind(check as u32, start);
            }
            check += 1;
        }
        program.answers();
        program
    }

    const fn push(&mut self, code: u16, operand: u32, if_true: Label, if_false: Label) {
        self.code[self.length] = Instruction { code, if_true: 0, if_false: 0, operand };
        self.jumps[self.length] = [if_true, if_false];
        self.length += 1;
    }

    /// Searches the ranges from `low` to `high`, and gives where that begins.
    const fn search(&mut self, ranges: &[Range], low: usize, high: usize) -> Label {
        if high - low == 1 {
            return Label::To(ranges[low].verdict.label());
        }
        let at = self.length;
        let middle = ranges::middle(ranges, low, high);
        if middle == high {
            let [one, others] = [ranges[low + 1].verdict, ranges[low].verdict];
            self.push(EQUAL, ranges[low + 1].from, Label::To(one.label()), Label::To(others.label()));
            return Label::At(at);
        }
        self.push(AT_LEAST, ranges[middle].from, Label::Next, Label::Next);
        let below = self.search(ranges, low, middle);
        let above = self.search(ranges, middle, high);
        self.jumps[at] = [above, below];
        Label::At(at)
    }

    const fn check(&mut self, rule: Rule) {
        self.push(LOAD, ARGUMENTS + 4 * rule.half, Label::Next, Label::Next);
        if rule.mask != u32::MAX {
            self.push(AND, rule.mask, Label::Next, Label::Next);
        }
        self.search(rule.verdicts, 0, rule.verdicts.len());
    }

    const fn leads_to(&self, label: u32) -> bool {
        let mut at = 0;
        while at < self.length {
            if matches!(self.jumps[at][0], Label::To(to) if to == label)
                || matches!(self.jumps[at][1], Label::To(to) if to == label)
            {
                return true;
            }
            at += 1;
        }
        false
    }

    /// Leads what has this label to a place.
    const fn bind(&mut self, label: u32, place: usize) {
        let mut at = 0;
        while at < self.length {
            let mut side = 0;
            while side < 2 {
                if let Label::To(to) = self.jumps[at][side]
                    && to == label
                {
                    self.jumps[at][side] = Label::At(place);
                }
                side += 1;
            }
            at += 1;
        }
    }

    /// Writes each answer that is led to once, and turns labels into jumps.
    const fn answers(&mut self) {
        let mut at = 0;
        while at < self.length {
            let mut side = 0;
            while side < 2 {
                if let Label::To(answer) = self.jumps[at][side] {
                    let place = self.length;
                    self.push(ANSWER, answer, Label::Next, Label::Next);
                    self.bind(answer, place);
                }
                side += 1;
            }
            self.code[at].if_true = distance(at, self.jumps[at][0]);
            self.code[at].if_false = distance(at, self.jumps[at][1]);
            at += 1;
        }
    }

    /// How many instructions it has.
    pub const fn length(&self) -> usize {
        self.length
    }

    /// Its instructions, as many as it has.
    pub const fn instructions<const LENGTH: usize>(&self) -> [Instruction; LENGTH] {
        assert!(LENGTH == self.length);
        let mut all = [self.code[0]; LENGTH];
        let mut at = 0;
        while at < LENGTH {
            all[at] = self.code[at];
            at += 1;
        }
        all
    }
}

const fn distance(at: usize, label: Label) -> u8 {
    match label {
        Label::Next => 0,
        Label::At(place) => {
            assert!(place > at && place - at - 1 <= u8::MAX as usize, "a jump too far");
            (place - at - 1) as u8
        }
        Label::To(_) => panic!("a label that leads nowhere"),
    }
}
