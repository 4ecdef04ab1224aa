//! Faults of messages as such: a relay between the cell's socket and the session.

use std::io::{self, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;

use capnp::ErrorKind;
use capnp::message::{Builder, Reader, ReaderOptions};
use capnp::serialize::{self, OwnedSegments};
use capnp::serialize_packed;
use capnp_rpc::rpc_capnp::{exception, message, return_};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Wrong, hostile};

/// The stream that the session is to speak on: the cell's own, where no fault is of this kind.
pub fn before(cell: UnixStream, process: Pid, wrong: Wrong) -> io::Result<UnixStream> {
    let here = ["rpc-packed", "rpc-garbage-endured", "rpc-garbage-kills"].contains(&wrong.0)
        || wrong.0.starts_with("rpc-unknown-");
    if !here {
        return hostile::before(cell, wrong);
    }
    let (ours, theirs) = UnixStream::pair()?;
    let (from_cell, to_cell, from_host, to_host) = (cell.try_clone()?, cell, theirs.try_clone()?, theirs);
    thread::spawn(move || to_host_from(BufReader::new(from_cell), to_host, process, wrong));
    thread::spawn(move || to_cell_from(BufReader::new(from_host), to_cell, wrong));
    Ok(ours)
}

fn to_host_from(mut cell: BufReader<UnixStream>, mut host: UnixStream, process: Pid, wrong: Wrong) {
    let options = ReaderOptions::default();
    let mut next = || match wrong.is("rpc-packed") {
        true => serialize_packed::read_message(&mut cell, options),
        false => serialize::read_message(&mut cell, options),
    };
    let ended = loop {
        match next() {
            Ok(message) => match serialize::write_message_segments(&mut host, &message.into_segments()) {
                Ok(()) => {}
                Err(fault) => break fault.kind,
            },
            Err(fault) => break fault.kind,
        }
    };
    // Before the cell hears that its connection is over.
    if wrong.is("rpc-garbage-kills") && ended != ErrorKind::PrematureEndOfFile {
        kill(process, Signal::SIGKILL).ok();
    }
    if wrong.is("rpc-garbage-endured") {
        io::copy(&mut cell, &mut io::sink()).ok();
    }
    host.shutdown(Shutdown::Both).ok();
}

fn to_cell_from(mut host: BufReader<UnixStream>, mut cell: UnixStream, wrong: Wrong) {
    while let Ok(message) = serialize::read_message(&mut host, ReaderOptions::default()) {
        let answer = unknown(&message).ok().flatten();
        let bytes = match (wrong.0, answer) {
            ("rpc-unknown-ends-session", Some(_)) => break,
            ("rpc-unknown-unanswered", Some(_)) => continue,
            ("rpc-unknown-is-failed", Some(id)) => failed(id),
            _ => serialize::write_message_segments_to_words(&message.into_segments()),
        };
        let bytes = if wrong.is("rpc-packed") { packed(&bytes) } else { bytes };
        if cell.write_all(&bytes).is_err() {
            break;
        }
    }
    cell.shutdown(Shutdown::Both).ok();
}

/// The question that a message answers by `unimplemented`.
fn unknown(message: &Reader<OwnedSegments>) -> capnp::Result<Option<u32>> {
    let message::Return(answer) = message.get_root::<message::Reader<'_>>()?.which()? else { return Ok(None) };
    let answer = answer?;
    let return_::Exception(exception) = answer.which()? else { return Ok(None) };
    let unimplemented = exception?.get_type()? == exception::Type::Unimplemented;
    Ok(unimplemented.then_some(answer.get_answer_id()))
}

/// The same answer, as an ordinary failure.
fn failed(question: u32) -> Vec<u8> {
    let mut message = Builder::new_default();
    let mut answer = message.init_root::<message::Builder<'_>>().init_return();
    answer.set_answer_id(question);
    answer.set_release_param_caps(false);
    let mut exception = answer.init_exception();
    exception.set_reason("no such method");
    exception.set_type(exception::Type::Failed);
    serialize::write_message_to_words(&message)
}

/// Packed as <https://capnproto.org/encoding.html#packing> has it, without its runs.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    for word in bytes.chunks(8) {
        let tag = (0..).zip(word).fold(0, |tag, (at, byte)| tag | u8::from(*byte != 0) << at);
        packed.push(tag);
        packed.extend(word.iter().filter(|byte| **byte != 0));
        if tag == 0 || tag == 0xff {
            packed.push(0);
        }
    }
    packed
}
