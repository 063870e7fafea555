//! The WHIP requests under way: POST to begin a session, DELETE to end it, over kept connections.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::AsRawFd;

use crate::clock::NS_PER_S;
use crate::http::{Response, Url, read_response, request};
use crate::readiness::Readiness;

const REQUEST_TIMEOUT_NS: u64 = 15 * NS_PER_S;
/// Older idle connections are not used again: the server may be closing them just then.
const IDLE_LIMIT_NS: u64 = NS_PER_S;
const READ_BYTES: usize = 16 << 10;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    Begin,
    End,
}

/// A request that has its response, or will never have one.
pub struct Outcome {
    pub session: usize,
    pub errand: Errand,
    pub asked_ns: u64,
    pub response: Result<Response, &'static str>,
}

/// A request that waits for its response.
struct Exchange {
    session: usize,
    errand: Errand,
    asked_ns: u64,
}

struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    exchange: Option<Exchange>,
    used_ns: u64,
}

pub struct Signalling {
    url: Url,
    address: SocketAddr,
    token: Option<String>,
    readiness: Readiness,
    connections: Vec<Option<Connection>>,
    idle: Vec<usize>,
    busy: usize,
}

impl Signalling {
    /// Resolves the server's address. The error is a sentence for people.
    pub fn new(url: Url, token: Option<String>) -> Result<Self, String> {
        let unreachable = |error: std::io::Error| format!("{}: {error}", url.authority);
        let address = url
            .authority
            .to_socket_addrs()
            .map_err(unreachable)?
            .next()
            .ok_or_else(|| format!("{}: no address", url.authority))?;
        let readiness = Readiness::new().map_err(unreachable)?;
        let (connections, idle) = (Vec::new(), Vec::new());
        Ok(Self { url, address, token, readiness, connections, idle, busy: 0 })
    }

    /// Requests that wait for their responses.
    pub fn busy(&self) -> usize {
        self.busy
    }

    /// Whether the server is on this machine's loopback.
    pub fn is_near(&self) -> bool {
        self.address.ip().is_loopback()
    }

    /// The path behind a `Location`.
    pub fn path_of(&self, location: &str) -> String {
        self.url.path_of(location)
    }

    /// Posts an offer for `session`. `Some` when it failed at once.
    pub fn begin(&mut self, session: usize, offer: &str, now_ns: u64) -> Option<Outcome> {
        let bytes = request("POST", &self.url, &self.url.path, self.token.as_deref(), offer);
        self.send(Exchange { session, errand: Errand::Begin, asked_ns: now_ns }, &bytes)
    }

    /// Ends the session at `path`. `Some` when it failed at once.
    pub fn end(&mut self, session: usize, path: &str, now_ns: u64) -> Option<Outcome> {
        let bytes = request("DELETE", &self.url, path, self.token.as_deref(), "");
        self.send(Exchange { session, errand: Errand::End, asked_ns: now_ns }, &bytes)
    }

    /// The requests that finished since the last call.
    pub fn poll(&mut self, now_ns: u64) -> Vec<Outcome> {
        if self.busy == 0 {
            return Vec::new();
        }
        let mut outcomes = Vec::new();
        for place in self.readiness.ready() {
            outcomes.extend(self.read(place, now_ns));
        }
        for place in 0..self.connections.len() {
            let is_overdue = self.connections[place]
                .as_ref()
                .and_then(|connection| connection.exchange.as_ref())
                .is_some_and(|exchange| now_ns > exchange.asked_ns + REQUEST_TIMEOUT_NS);
            if is_overdue {
                outcomes.extend(self.give_up(place, "http_timeout"));
            }
        }
        outcomes
    }

    fn send(&mut self, exchange: Exchange, bytes: &[u8]) -> Option<Outcome> {
        let now_ns = exchange.asked_ns;
        let Some(place) = self.idle_connection(now_ns).or_else(|| self.connect(now_ns)) else {
            return Some(failed(exchange, "http_not_connected"));
        };
        let connection = self.connections[place].as_mut().expect("just found or made");
        connection.exchange = Some(exchange);
        self.busy += 1;
        match connection.stream.write_all(bytes) {
            Ok(()) => None,
            Err(_) => self.give_up(place, "http_broken"),
        }
    }

    fn idle_connection(&mut self, now_ns: u64) -> Option<usize> {
        while let Some(place) = self.idle.pop() {
            let is_fresh = self.connections[place]
                .as_ref()
                .is_some_and(|connection| now_ns < connection.used_ns + IDLE_LIMIT_NS);
            if is_fresh {
                return Some(place);
            }
            self.connections[place] = None;
        }
        None
    }

    fn connect(&mut self, now_ns: u64) -> Option<usize> {
        let stream = TcpStream::connect(self.address).ok()?;
        stream.set_nonblocking(true).ok()?;
        stream.set_nodelay(true).ok()?;
        let free = self.connections.iter().position(Option::is_none);
        let place = free.unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        self.readiness.watch(stream.as_raw_fd(), place).ok()?;
        self.connections[place] =
            Some(Connection { stream, received: Vec::new(), exchange: None, used_ns: now_ns });
        Some(place)
    }

    fn read(&mut self, place: usize, now_ns: u64) -> Option<Outcome> {
        let connection = self.connections[place].as_mut()?;
        let mut buffer = [0; READ_BYTES];
        let is_at_end = match connection.stream.read(&mut buffer) {
            Ok(0) => true,
            Ok(count) => {
                connection.received.extend(&buffer[..count]);
                false
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(_) => return self.give_up(place, "http_broken"),
        };
        match read_response(&connection.received, is_at_end) {
            Ok(Some(response)) => self.finish(place, response, now_ns),
            Ok(None) if !is_at_end => None,
            Ok(None) => self.give_up(place, "http_broken"),
            Err(_) => self.give_up(place, "http_malformed"),
        }
    }

    fn finish(&mut self, place: usize, response: Response, now_ns: u64) -> Option<Outcome> {
        let connection = self.connections[place].as_mut()?;
        let exchange = connection.exchange.take();
        connection.received.clear();
        connection.used_ns = now_ns;
        if response.is_last || exchange.is_none() {
            self.connections[place] = None;
        } else {
            self.idle.push(place);
        }
        let Exchange { session, errand, asked_ns } = exchange?;
        self.busy -= 1;
        Some(Outcome { session, errand, asked_ns, response: Ok(response) })
    }

    fn give_up(&mut self, place: usize, reason: &'static str) -> Option<Outcome> {
        let exchange = self.connections[place].take()?.exchange?;
        self.busy -= 1;
        Some(failed(exchange, reason))
    }
}

fn failed(exchange: Exchange, reason: &'static str) -> Outcome {
    let Exchange { session, errand, asked_ns } = exchange;
    Outcome { session, errand, asked_ns, response: Err(reason) }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers each request on one connection with the next of `responses`, then closes it.
    fn serve(responses: &'static [&'static str]) -> (Signalling, thread::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/whip", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for response in responses {
                let mut request = [0; 4096];
                assert!(stream.read(&mut request).unwrap() > 0);
                stream.write_all(response.as_bytes()).unwrap();
            }
        });
        (Signalling::new(Url::parse(&url).unwrap(), None).unwrap(), server)
    }

    fn next(signalling: &mut Signalling, now_ns: u64) -> Outcome {
        loop {
            if let Some(outcome) = signalling.poll(now_ns).pop() {
                return outcome;
            }
        }
    }

    #[test]
    fn one_connection_serves_one_request_after_the_other() {
        let (mut signalling, server) = serve(&[
            "HTTP/1.1 201 Created\r\nLocation: /whip/1\r\nContent-Length: 2\r\n\r\nv=",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ]);

        assert!(signalling.begin(3, "v=0\r\n", 1).is_none());
        let begun = next(&mut signalling, 2);
        assert!(signalling.end(3, "/whip/1", 3).is_none());
        let ended = next(&mut signalling, 4);

        assert_eq!((begun.session, begun.errand, begun.asked_ns), (3, Errand::Begin, 1));
        assert_eq!(begun.response.unwrap().body, b"v=");
        assert_eq!((ended.errand, ended.response.unwrap().status), (Errand::End, 200));
        assert_eq!((signalling.busy(), signalling.connections.len()), (0, 1));
        server.join().unwrap();
    }

    #[test]
    fn a_connection_that_breaks_off_is_a_failure() {
        let (mut signalling, server) =
            serve(&["HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n"]);

        signalling.begin(0, "v=0\r\n", 1);

        assert_eq!(next(&mut signalling, 2).response, Err("http_broken"));
        assert_eq!(signalling.busy(), 0);
        server.join().unwrap();
    }

    #[test]
    fn a_response_that_never_comes_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let mut signalling = Signalling::new(url, None).unwrap();

        signalling.begin(0, "v=0\r\n", 1);

        assert!(signalling.poll(REQUEST_TIMEOUT_NS).is_empty());
        let outcome = signalling.poll(REQUEST_TIMEOUT_NS + 2).pop().unwrap();
        assert_eq!(outcome.response, Err("http_timeout"));
    }

    #[test]
    fn nobody_there_is_a_failure_at_once() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = Url::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
        let mut signalling = Signalling::new(url, None).unwrap();

        let outcome = signalling.begin(0, "v=0\r\n", 1).unwrap();

        assert_eq!(outcome.response, Err("http_not_connected"));
    }
}
