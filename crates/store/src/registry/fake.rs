//! A registry in this process, on loopback, that does as it is told: for tests only.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use oci::Digest;

use super::{Endpoint, Patience};

/// What it is asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// With the questions.
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
    /// How often this method and path were asked for before.
    pub(crate) before: usize,
}

/// What it does instead of answering rightly.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Answers a status, with headers and a body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Ends the connection after so many bytes of the right body.
    CutAfter(usize),
    /// Ends the connection without a word.
    Hangup,
    /// Does not know ranges.
    Whole,
    /// Waits before it answers.
    Wait(Duration),
}

type Mood = Box<dyn Fn(&Asked) -> Option<Fault> + Send + Sync>;

#[derive(Default)]
struct Contents {
    blobs: HashMap<(String, String), Vec<u8>>,
    manifests: HashMap<(String, String), (String, Vec<u8>)>,
    log: Vec<Asked>,
    mood: Option<Mood>,
    /// `user:password`, in exchange for which there are tokens.
    secret: Option<String>,
}

/// The registry. It ends with the process.
#[derive(Clone)]
pub(crate) struct Fake {
    contents: Arc<Mutex<Contents>>,
    address: SocketAddr,
}

/// Status, headers, body.
type Answer = (u16, Vec<(&'static str, String)>, Vec<u8>);

impl Fake {
    pub(crate) fn start() -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fake = Fake { contents: Arc::default(), address: listener.local_addr().unwrap() };
        let served = fake.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let fake = served.clone();
                thread::spawn(move || fake.serve(&stream));
            }
        });
        fake
    }

    pub(crate) fn endpoint(&self, repository: &str) -> Endpoint {
        Endpoint {
            host: self.address.to_string(),
            repository: repository.into(),
            insecure: true,
            patience: Patience { retries: 2, pause: Duration::from_millis(5) },
            ..Endpoint::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap()
    }

    pub(crate) fn put_blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        self.lock().blobs.insert((repository.into(), digest.to_string()), bytes.to_vec());
        digest
    }

    pub(crate) fn put_manifest(&self, repository: &str, tag: &str, media_type: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        for name in [tag.to_owned(), digest.to_string()] {
            self.lock().manifests.insert((repository.into(), name), (media_type.into(), bytes.to_vec()));
        }
        digest
    }

    pub(crate) fn manifest(&self, repository: &str, which: &str) -> Option<Vec<u8>> {
        self.lock().manifests.get(&(repository.into(), which.into())).map(|(_, bytes)| bytes.clone())
    }

    pub(crate) fn blob(&self, repository: &str, digest: &Digest) -> Option<Vec<u8>> {
        self.lock().blobs.get(&(repository.into(), digest.to_string())).cloned()
    }

    pub(crate) fn behave(&self, mood: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static) {
        self.lock().mood = Some(Box::new(mood));
    }

    pub(crate) fn want_tokens_for(&self, secret: &str) {
        self.lock().secret = Some(secret.into());
    }

    /// All requests so far of this method whose path has this in it.
    pub(crate) fn asked(&self, method: &str, part: &str) -> Vec<Asked> {
        self.lock().log.iter().filter(|asked| asked.method == method && asked.path.contains(part)).cloned().collect()
    }

    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(mut asked) = read(&mut reader) {
            let (fault, answer) = {
                let mut contents = self.lock();
                asked.before = contents.log.iter().filter(|a| a.method == asked.method && a.path == asked.path).count();
                contents.log.push(asked.clone());
                let fault = contents.mood.as_ref().and_then(|mood| mood(&asked));
                let answer = contents.answer(&asked, &self.address, matches!(fault, Some(Fault::Whole)));
                (fault, answer)
            };
            let (answer, cut) = match fault {
                Some(Fault::Answer(status, headers, body)) => ((status, headers, body), None),
                Some(Fault::CutAfter(bytes)) => (answer, Some(bytes)),
                Some(Fault::Hangup) => return,
                Some(Fault::Wait(time)) => {
                    thread::sleep(time);
                    (answer, None)
                }
                Some(Fault::Whole) | None => (answer, None),
            };
            if write(stream, &asked, &answer, cut).is_err() || cut.is_some() {
                return;
            }
        }
    }
}

impl Contents {
    fn answer(&mut self, asked: &Asked, address: &SocketAddr, whole: bool) -> Answer {
        let (path, question) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let authorization = asked.headers.get("authorization").cloned().unwrap_or_default();
        if let Some(secret) = &self.secret {
            let basic = format!("Basic {}", super::token::base64(secret.as_bytes()));
            if path == "/token" {
                let known = authorization == basic || asked.body.windows(10).any(|window| window == b"identity-1");
                return if known { (200, vec![], br#"{"token":"tk"}"#.to_vec()) } else { (401, vec![], vec![]) };
            }
            if authorization != "Bearer tk" {
                let header = format!("Bearer realm=\"http://{address}/token\",service=\"fake\"");
                return (
                    401,
                    vec![("WWW-Authenticate", header)],
                    br#"{"errors":[{"code":"UNAUTHORIZED","message":"who?"}]}"#.to_vec(),
                );
            }
        }
        let Some(rest) = path.strip_prefix("/v2/").filter(|rest| !rest.is_empty()) else {
            return (200, vec![], b"{}".to_vec());
        };
        if let Some(repository) = rest.strip_suffix("/tags/list") {
            return self.answer_tags(repository, question);
        }
        if let Some((repository, which)) = rest.split_once("/manifests/") {
            return self.answer_manifest(asked, repository, which);
        }
        if let Some((repository, id)) = rest.split_once("/blobs/uploads/") {
            return self.answer_upload(asked, repository, id, question);
        }
        let Some((repository, digest)) = rest.split_once("/blobs/") else { return unknown("NAME_UNKNOWN") };
        let Some(blob) = self.blobs.get(&(repository.into(), digest.into())) else { return unknown("BLOB_UNKNOWN") };
        let start = asked
            .headers
            .get("range")
            .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
        match start.filter(|_| !whole) {
            None => (200, vec![], blob.clone()),
            Some(start) => {
                let range = format!("bytes {start}-{}/{}", blob.len() - 1, blob.len());
                (206, vec![("Content-Range", range)], blob[start..].to_vec())
            }
        }
    }

    /// One tag a page.
    fn answer_tags(&self, repository: &str, question: &str) -> Answer {
        let mut tags: Vec<&String> = self
            .manifests
            .keys()
            .filter(|(name, tag)| name == repository && !tag.contains(':'))
            .map(|(_, tag)| tag)
            .collect();
        if tags.is_empty() {
            return unknown("NAME_UNKNOWN");
        }
        tags.sort();
        let Some(tag) = tags.iter().find(|tag| tag.as_str() > question.strip_prefix("last=").unwrap_or_default())
        else {
            return (200, vec![], br#"{"tags":null}"#.to_vec());
        };
        let link = format!("</v2/{repository}/tags/list?last={tag}>; rel=\"next\"");
        (200, vec![("Link", link)], format!(r#"{{"tags":["{tag}"]}}"#).into_bytes())
    }

    fn answer_manifest(&mut self, asked: &Asked, repository: &str, which: &str) -> Answer {
        if asked.method == "PUT" {
            let media_type = asked.headers["content-type"].clone();
            for name in [which.to_owned(), Digest::of(&asked.body).to_string()] {
                self.manifests.insert((repository.into(), name), (media_type.clone(), asked.body.clone()));
            }
            return (201, vec![], vec![]);
        }
        match self.manifests.get(&(repository.into(), which.into())) {
            None => unknown("MANIFEST_UNKNOWN"),
            Some((media_type, bytes)) => {
                let headers = vec![
                    ("Content-Type", media_type.clone()),
                    ("Docker-Content-Digest", Digest::of(bytes).to_string()),
                ];
                (200, headers, bytes.clone())
            }
        }
    }

    fn answer_upload(&mut self, asked: &Asked, repository: &str, id: &str, question: &str) -> Answer {
        let value = |name: &str| question.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        if asked.method == "POST" {
            if let (Some(digest), Some(from)) = (value("mount"), value("from"))
                && let Some(blob) = self.blobs.get(&(from.into(), digest.into())).cloned()
            {
                self.blobs.insert((repository.into(), digest.into()), blob);
                return (201, vec![], vec![]);
            }
            return (202, vec![("Location", format!("/v2/{repository}/blobs/uploads/u1?state=x"))], vec![]);
        }
        let digest = value("digest").unwrap_or_default();
        if id != "u1" || Digest::of(&asked.body).to_string() != digest {
            return (400, vec![], br#"{"errors":[{"code":"DIGEST_INVALID","message":"other bytes"}]}"#.to_vec());
        }
        self.blobs.insert((repository.into(), digest.into()), asked.body.clone());
        (201, vec![], vec![])
    }
}

fn unknown(code: &str) -> Answer {
    (404, vec![], format!(r#"{{"errors":[{{"code":"{code}","message":"not here"}}]}}"#).into_bytes())
}

fn read(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { method, path, headers, body, before: 0 })
}

fn write(
    mut stream: &TcpStream,
    asked: &Asked,
    (status, headers, body): &Answer,
    cut: Option<usize>,
) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} Words\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    if asked.method == "HEAD" {
        return Ok(());
    }
    stream.write_all(&body[..cut.unwrap_or(body.len()).min(body.len())])
}
