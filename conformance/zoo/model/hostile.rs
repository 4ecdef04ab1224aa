//! Faults that show to a hostile cell: a relay between its socket and the session, message by message.

use std::io::{self, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use capnp::ErrorKind;
use capnp::message::{Builder, ReaderOptions};
use capnp::serialize;
use capnp_rpc::rpc_capnp::{message, return_};

use super::Wrong;

/// The faults of this kind.
const HERE: [&str; 10] = [
    "rpc-end-unexplained",
    "rpc-garbage-panics",
    "rpc-cancellation-unheard",
    "rpc-redirected-unanswered",
    "rpc-type-ends-session",
    "rpc-type-unanswered",
    "rpc-capabilities-kept",
    "rpc-asks-unbidden",
    "rpc-unread-hung-up",
    "rpc-messages-kept",
];
/// How often one message is kept.
const COPIES: usize = 8;
/// How long the fault that hangs up on who doesn't read waits.
const SHORT: Duration = Duration::from_secs(1);

/// The stream that the session is to speak on: the cell's own, where no fault is of this kind.
pub fn before(cell: UnixStream, wrong: Wrong) -> io::Result<UnixStream> {
    if !HERE.contains(&wrong.0) {
        return Ok(cell);
    }
    let (ours, theirs) = UnixStream::pair()?;
    let (from_cell, mut to_cell, from_host, to_host) = (cell.try_clone()?, cell, theirs.try_clone()?, theirs);
    if wrong.is("rpc-asks-unbidden") {
        to_cell.write_all(&bootstrap())?;
    }
    if wrong.is("rpc-unread-hung-up") {
        to_cell.set_write_timeout(Some(SHORT))?;
    }
    thread::spawn(move || to_host_from(BufReader::new(from_cell), to_host, wrong));
    thread::spawn(move || to_cell_from(BufReader::new(from_host), to_cell, wrong));
    Ok(ours)
}

fn to_host_from(mut cell: BufReader<UnixStream>, mut host: UnixStream, wrong: Wrong) {
    let mut kept = Vec::new();
    loop {
        let message = match serialize::read_message(&mut cell, ReaderOptions::default()) {
            Ok(message) => message,
            Err(fault) if wrong.is("rpc-garbage-panics") && fault.kind != ErrorKind::PrematureEndOfFile => {
                eprintln!("thread 'main' panicked: {fault}");
                std::process::exit(101);
            }
            Err(_) => break,
        };
        let kind = message.get_root::<message::Reader<'_>>().map(|message| message.which().map(drop_contents));
        match (wrong.0, kind) {
            ("rpc-cancellation-unheard", Ok(Ok(Kind::Finish))) => continue,
            ("rpc-type-ends-session", Ok(Err(_))) => break,
            _ => {}
        }
        let bytes = serialize::write_message_segments_to_words(&message.into_segments());
        if wrong.is("rpc-messages-kept") {
            kept.extend(std::iter::repeat_n(&bytes, COPIES).cloned());
        }
        if host.write_all(&bytes).is_err() {
            break;
        }
    }
    host.shutdown(Shutdown::Both).ok();
}

fn to_cell_from(mut host: BufReader<UnixStream>, mut cell: UnixStream, wrong: Wrong) {
    while let Ok(message) = serialize::read_message(&mut host, ReaderOptions::default()) {
        let kind = message.get_root::<message::Reader<'_>>().map(|message| message.which().map(drop_contents));
        match (wrong.0, kind) {
            ("rpc-end-unexplained", Ok(Ok(Kind::Abort)))
            | ("rpc-redirected-unanswered", Ok(Ok(Kind::Elsewhere)))
            | ("rpc-type-unanswered", Ok(Ok(Kind::Unimplemented)))
            | ("rpc-capabilities-kept", Ok(Ok(Kind::Release))) => continue,
            _ => {}
        }
        let bytes = serialize::write_message_segments_to_words(&message.into_segments());
        if cell.write_all(&bytes).is_err() {
            break;
        }
    }
    cell.shutdown(Shutdown::Both).ok();
}

/// What a message is, as far as it matters here.
enum Kind {
    Abort,
    Elsewhere,
    Finish,
    Release,
    Unimplemented,
    Other,
}

fn drop_contents(message: message::WhichReader<'_>) -> Kind {
    match message {
        message::Abort(_) => Kind::Abort,
        message::Finish(_) => Kind::Finish,
        message::Release(_) => Kind::Release,
        message::Unimplemented(_) => Kind::Unimplemented,
        message::Return(Ok(answer)) if matches!(answer.which(), Ok(return_::ResultsSentElsewhere(()))) => {
            Kind::Elsewhere
        }
        _ => Kind::Other,
    }
}

fn bootstrap() -> Vec<u8> {
    let mut message = Builder::new_default();
    message.init_root::<message::Builder<'_>>().init_bootstrap();
    serialize::write_message_to_words(&message)
}
