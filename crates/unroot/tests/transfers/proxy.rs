//! What stands before a registry: it counts what is asked for, and can stop in the middle of it.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// It serves until the test ends.
pub struct Proxy {
    /// `127.0.0.1:port`.
    pub host: String,
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    /// Before the registry at `upstream`. No connection carries more than `limit` bytes in either direction: then it is silent.
    pub fn before(upstream: &str, limit: usize) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(BTreeMap::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let come = Arc::clone(&connections);
        let (upstream, counted) = (upstream.to_owned(), Arc::clone(&asked));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                come.fetch_add(1, Ordering::Relaxed);
                let Ok(server) = TcpStream::connect(&upstream) else { continue };
                let (to_server, from_server) = (server.try_clone().unwrap(), server);
                let (from_client, to_client) = (client.try_clone().unwrap(), client);
                let counted = Arc::clone(&counted);
                thread::spawn(move || carry(from_client, to_server, limit, &|line| note(&counted, line)));
                thread::spawn(move || carry(from_server, to_client, limit, &|_| ()));
            }
        });
        Proxy { host, asked, connections }
    }

    /// Whether nobody has come yet.
    pub fn is_unused(&self) -> bool {
        self.connections.load(Ordering::Relaxed) == 0
    }

    /// How often each blob was asked for.
    pub fn blobs(&self) -> BTreeMap<String, usize> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn note(asked: &Mutex<BTreeMap<String, usize>>, line: &str) {
    // Repositories share blobs: the digest counts.
    let blob = line.strip_prefix("GET ").and_then(|rest| rest.split(' ').next()?.split("/blobs/").nth(1));
    if let Some(digest) = blob {
        *asked.lock().unwrap_or_else(PoisonError::into_inner).entry(digest.to_owned()).or_default() += 1;
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, limit: usize, told: &dyn Fn(&str)) {
    let (mut buffer, mut line, mut carried) = (vec![0; 16 * 1024], Vec::new(), 0);
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0 {
            break;
        }
        for byte in &buffer[..read] {
            if *byte == b'\n' {
                told(&String::from_utf8_lossy(&line));
                line.clear();
            } else if line.len() < 4096 {
                line.push(*byte);
            }
        }
        carried += read;
        if carried > limit {
            // The connection stays, and nothing comes any more.
            loop {
                thread::park();
            }
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
