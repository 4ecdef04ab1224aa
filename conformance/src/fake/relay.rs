//! A listener of any family that passes everything on to the real node.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use super::bounded;
use crate::node::Node;

/// Relays from an address of TCP, as `[::1]:0`; gives the address. It ends with the process.
///
/// # Errors
/// Where this machine hasn't the address.
pub fn over_tcp(address: impl ToSocketAddrs, node: &Node) -> io::Result<SocketAddr> {
    let (listener, to) = (TcpListener::bind(address)?, node.socket());
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for from in listener.incoming().flatten() {
            let to = to.clone();
            thread::spawn(move || {
                let back = from.try_clone()?;
                both(from, back, &to, |stream| stream.shutdown(Shutdown::Write))
            });
        }
    });
    Ok(address)
}

/// Relays from a socket at a path. It ends with the process.
///
/// # Errors
/// Where it can't be made there.
pub fn over_path(path: &Path, node: &Node) -> io::Result<()> {
    let (listener, to) = (UnixListener::bind(path)?, node.socket());
    thread::spawn(move || {
        for from in listener.incoming().flatten() {
            let to = to.clone();
            thread::spawn(move || {
                let back = from.try_clone()?;
                both(from, back, &to, |stream: &UnixStream| stream.shutdown(Shutdown::Write))
            });
        }
    });
    Ok(())
}

fn both<S: io::Read + io::Write + Send + 'static>(
    mut from: S,
    mut back: S,
    to: &str,
    end: impl FnOnce(&S) -> io::Result<()>,
) -> io::Result<()> {
    let mut node = TcpStream::connect(to)?;
    bounded(&node)?;
    let mut asked = node.try_clone()?;
    thread::spawn(move || {
        io::copy(&mut from, &mut asked).ok();
        asked.shutdown(Shutdown::Write).ok();
    });
    io::copy(&mut node, &mut back)?;
    end(&back)
}
