//! A trustless gateway for programs that the store under test lacks.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use ww::content::Cid;
use ww::store::Store;

/// A gateway that has what is in a store, as raw blocks; ends with this process.
pub(crate) fn serve(store: Store) -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let store = store.clone();
            std::thread::spawn(move || answer(&store, stream));
        }
    });
    Ok(url)
}

fn answer(store: &Store, mut stream: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while let Some(request) = lines.next() {
        let request = request?;
        // The rest of the head.
        for line in lines.by_ref() {
            if line?.is_empty() {
                break;
            }
        }
        let cid = request.split(['/', '?']).nth(2).and_then(|cid| cid.parse::<Cid>().ok());
        match cid.and_then(|cid| store.get(&cid).ok().flatten()) {
            Some(block) => {
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.ipld.raw\r\nContent-Length: {}\r\n\r\n",
                    block.len()
                )?;
                stream.write_all(&block)?;
            }
            None => stream.write_all(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")?,
        }
    }
    Ok(())
}
