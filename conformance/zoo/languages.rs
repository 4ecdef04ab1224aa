//! Faults that cells and peers of each language find: what stands between them isn't what either of them asked for.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use serde_json::Value;

use super::status::restated;
use super::{Call, Fault};

pub const FAULTS: &[Fault] = &[
    Fault::new("access-lessened", "RPC-60", "lets a cell that was granted everything read, and no more", |mut call| {
        call.change("--ipfs-access", |_| "read".into());
        call.become_real()
    }),
    Fault::new("one-peer-at-a-time", "P2P-30", "turns a peer away while another is there", one_peer_at_a_time)
        .control("restates"),
];

/// The addresses that are told are those of doors, each of which lets one in at a time.
fn one_peer_at_a_time(call: Call) -> ExitCode {
    restated(
        call,
        |line| {
            let mut value: Value = serde_json::from_str(&line).unwrap_or_default();
            let Some(addresses) = value.get_mut("addrs").and_then(Value::as_array_mut) else { return line };
            for address in addresses {
                if let Some(told) = address.as_str().and_then(behind_a_door) {
                    *address = told.into();
                }
            }
            format!("{value}\n")
        },
        false,
    )
}

/// The address of a door to this one.
fn behind_a_door(address: &str) -> Option<String> {
    let port: u16 = address.split("/tcp/").nth(1)?.split('/').next()?.parse().ok()?;
    let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    let told = address.replace(&format!("/tcp/{port}/"), &format!("/tcp/{}/", door.local_addr().ok()?.port()));
    thread::spawn(move || {
        let inside = Arc::new(());
        for peer in door.incoming().flatten() {
            // One that finds the door shut hears no more than that.
            if Arc::strong_count(&inside) == 1 {
                let within = inside.clone();
                thread::spawn(move || lead(peer, port).map(|()| drop(within)));
            }
        }
    });
    Some(told)
}

/// Passes on what each says until one of them ends.
fn lead(peer: TcpStream, port: u16) -> io::Result<()> {
    let host = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let (mut from_peer, mut to_host) = (peer.try_clone()?, host.try_clone()?);
    let (mut from_host, mut to_peer) = (host, peer);
    let out = thread::spawn(move || {
        io::copy(&mut from_peer, &mut to_host).ok();
        to_host.shutdown(Shutdown::Both)
    });
    io::copy(&mut from_host, &mut to_peer).ok();
    to_peer.shutdown(Shutdown::Both).ok();
    out.join().map_err(|_| io::ErrorKind::Other)?.ok();
    Ok(())
}
