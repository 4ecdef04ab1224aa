//! Daemons that lie: for what a real node can't be made to show.
//!
//! What it does: [`Fake`] is a listener of its own that follows a script, down to the bytes on the
//! wire; `proxy` stands before the real node and changes what it answers; `scripted` answers every
//! request of HTTP in one way; `relay` shows the real node at other addresses; `gateway` gives the node's blocks as a
//! trustless gateway does, and breaks sources, `car` what it gives of whole trees; `record` signs IPNS records.
//! What must stay true: a fake never waits for the implementation without end, and its threads and
//! connections end with it; it knows no more of the implementation than that it speaks the Kubo API.
//! Clauses it serves: IPFS-*, EP-*, SELF-*.

mod car;
mod gateway;
mod proxy;
pub mod record;
pub mod relay;
mod request;
mod scripted;

pub use car::{CarFault, blocks_alone, broken_cars, slow_parts};
pub use gateway::{Fault, broken_daemon, broken_gateway, gateway, honest_gateway};
pub use proxy::{Answer, before, with_gateway};
pub use request::Request;
pub use scripted::Scripted;

use std::io::{self, BufReader};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long one write or read of a fake may take.
const MOST: Duration = Duration::from_secs(120);

/// What a fake does with one request; it ends the connection where it returns an error.
pub type Script = dyn Fn(&Request, &mut TcpStream) -> io::Result<()> + Send + Sync;

#[derive(Debug, Default)]
struct Heard {
    over: bool,
    connections: Vec<TcpStream>,
    targets: Vec<String>,
}

/// A daemon that follows a script.
#[derive(Debug)]
pub struct Fake {
    address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    listening: Option<JoinHandle<()>>,
}

fn locked(heard: &Mutex<Heard>) -> std::sync::MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fake {
    /// Listens on a free port of the loopback.
    ///
    /// # Errors
    /// Where there is none.
    pub fn new(
        script: impl Fn(&Request, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (script, shared): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&heard));
        let listening = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut now = locked(&shared);
                if now.over {
                    break;
                }
                if let (Ok(copy), Ok(())) = (stream.try_clone(), bounded(&stream)) {
                    now.connections.push(copy);
                    let (script, shared) = (Arc::clone(&script), Arc::clone(&shared));
                    thread::spawn(move || serve(&*script, &shared, stream));
                }
            }
        });
        Ok(Self { address, heard, listening: Some(listening) })
    }

    /// Sends these bytes for every request, and ends the connection.
    ///
    /// # Errors
    /// As [`Fake::new`].
    pub fn sending(bytes: impl Into<Vec<u8>>) -> io::Result<Self> {
        let bytes = bytes.into();
        Self::new(move |_, stream| {
            io::Write::write_all(stream, &bytes)?;
            Err(io::ErrorKind::ConnectionAborted.into())
        })
    }

    /// The multiaddr of its API.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("/ip4/127.0.0.1/tcp/{}", self.address.port())
    }

    /// Its URL, as of a gateway.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections there were.
    #[must_use]
    pub fn connections(&self) -> usize {
        locked(&self.heard).connections.len()
    }

    /// What was asked for so far.
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
        locked(&self.heard).targets.clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        {
            let mut heard = locked(&self.heard);
            heard.over = true;
            for stream in &heard.connections {
                stream.shutdown(Shutdown::Both).ok();
            }
        }
        // The listener looks whether it is over when somebody connects.
        TcpStream::connect(self.address).ok();
        if let Some(listening) = self.listening.take() {
            listening.join().ok();
        }
    }
}

fn bounded(stream: &TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(MOST))?;
    stream.set_write_timeout(Some(MOST))
}

fn serve(script: &Script, heard: &Mutex<Heard>, mut stream: TcpStream) {
    let Ok(copy) = stream.try_clone() else { return };
    let mut reader = BufReader::new(copy);
    while let Ok(Some(request)) = Request::read(&mut reader) {
        locked(heard).targets.push(request.target.clone());
        if script(&request, &mut stream).is_err() {
            break;
        }
    }
    stream.shutdown(Shutdown::Both).ok();
}
