//! Just enough of HTTP/1.1 to speak WHIP to a server nearby: requests with a body, responses with
//! a length or in chunks (RFC 9112). Pure; `signalling` owns the sockets.

/// `http://host:port/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// As it goes into `Host` and into the resolver: `host:port`.
    pub authority: String,
    pub path: String,
}

impl Url {
    /// Reads an absolute URL; the error is a sentence for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = text
            .strip_prefix("http://")
            .or_else(|| text.strip_prefix("ws://"))
            .ok_or_else(|| format!("{text}: only http:// is spoken here"))?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| {
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        });
        let authority = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self { authority, path: path.to_owned() })
    }

    /// The path that a `Location` names, seen from this URL. The host stays: a session is ended
    /// where it was begun.
    pub fn path_of(&self, location: &str) -> String {
        if let Ok(absolute) = Self::parse(location) {
            return absolute.path;
        }
        if location.starts_with('/') {
            return location.to_owned();
        }
        let folder = &self.path[..=self.path.rfind('/').unwrap_or(0)];
        format!("{folder}{location}")
    }
}

/// A whole response.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub location: Option<String>,
    pub retry_after_s: Option<u64>,
    pub is_last: bool,
    pub body: Vec<u8>,
}

/// Bytes that are not HTTP.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

/// Writes a request. `token` becomes a bearer token.
pub fn request(method: &str, url: &Url, path: &str, token: Option<&str>, body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", url.authority);
    if let Some(token) = token {
        text += &format!("Authorization: Bearer {token}\r\n");
    }
    if !body.is_empty() {
        text += &format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n", body.len());
    }
    text += "\r\n";
    text += body;
    text.into_bytes()
}

/// Reads a response; `None` while it is not whole. `is_at_end` says that no more bytes will come.
pub fn read_response(bytes: &[u8], is_at_end: bool) -> Result<Option<Response>, Malformed> {
    let Some(head_end) = find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..head_end]).map_err(|_| Malformed)?;
    let mut lines = head.split("\r\n");
    let mut response = Response { status: status(lines.next())?, ..Response::default() };
    let (mut length, mut is_chunked) = (None, false);
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Malformed)?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "location" => response.location = Some(value.to_owned()),
            "retry-after" => response.retry_after_s = value.parse().ok(),
            "content-length" => length = Some(value.parse::<usize>().map_err(|_| Malformed)?),
            "transfer-encoding" => is_chunked = value.eq_ignore_ascii_case("chunked"),
            "connection" => response.is_last = value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    if response.status == 204 {
        length = Some(0);
    }
    let rest = &bytes[head_end + 4..];
    let body = match (is_chunked, length) {
        (true, _) => chunks(rest)?,
        (false, Some(length)) => rest.get(..length).map(<[u8]>::to_vec),
        (false, None) => {
            response.is_last = true;
            is_at_end.then(|| rest.to_vec())
        }
    };
    Ok(body.map(|body| Response { body, ..response }))
}

fn status(line: Option<&str>) -> Result<u16, Malformed> {
    let mut fields = line.unwrap_or_default().split(' ');
    match (fields.next(), fields.next().and_then(|code| code.parse().ok())) {
        (Some(version), Some(code)) if version.starts_with("HTTP/1.") => Ok(code),
        _ => Err(Malformed),
    }
}

fn chunks(mut rest: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
    let mut body = Vec::new();
    loop {
        let Some(line_end) = find(rest, b"\r\n") else {
            return Ok(None);
        };
        let line = std::str::from_utf8(&rest[..line_end]).map_err(|_| Malformed)?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16).map_err(|_| Malformed)?;
        let Some(chunk) = rest.get(line_end + 2..line_end + 4 + size) else {
            return Ok(None);
        };
        if size == 0 {
            return Ok(Some(body));
        }
        body.extend(&chunk[..size]);
        rest = &rest[line_end + 4 + size..];
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Type: application/sdp\r\n\
        Location: /whip/sessions/7\r\nContent-Length: 5\r\n\r\nv=0\r\n";
    const CHUNKED: &[u8] = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\
        Connection: close\r\n\r\n3\r\nv=0\r\n2;x=y\r\n\r\n\r\n0\r\n\r\n";

    #[test]
    fn a_response_with_a_length_is_read_when_whole() {
        for cut in 0..CREATED.len() {
            assert_eq!(read_response(&CREATED[..cut], false), Ok(None));
        }
        let response = read_response(CREATED, false).unwrap().unwrap();

        assert_eq!((response.status, response.body.as_slice()), (201, b"v=0\r\n".as_slice()));
        assert_eq!(response.location.as_deref(), Some("/whip/sessions/7"));
        assert!(!response.is_last);
    }

    #[test]
    fn a_response_in_chunks_is_joined() {
        for cut in 0..CHUNKED.len() {
            assert_eq!(read_response(&CHUNKED[..cut], false), Ok(None));
        }
        let response = read_response(CHUNKED, false).unwrap().unwrap();

        assert_eq!(response.body, b"v=0\r\n");
        assert!(response.is_last);
    }

    #[test]
    fn a_refusal_says_when_to_come_again() {
        let refusal = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\n\
            Content-Length: 0\r\n\r\n";
        let response = read_response(refusal, false).unwrap().unwrap();

        assert_eq!((response.status, response.retry_after_s), (503, Some(2)));
    }

    #[test]
    fn no_content_needs_no_length() {
        let response = read_response(b"HTTP/1.1 204 No Content\r\n\r\n", false).unwrap().unwrap();

        assert_eq!((response.status, response.is_last), (204, false));
    }

    #[test]
    fn without_a_length_the_body_ends_with_the_connection() {
        let open = b"HTTP/1.0 200 OK\r\n\r\nabc";

        assert_eq!(read_response(open, false), Ok(None));
        assert_eq!(read_response(open, true).unwrap().unwrap().body, b"abc");
    }

    #[test]
    fn what_is_not_http_is_malformed() {
        for nonsense in ["SSH-2.0\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nx\r\n\r\n"]
        {
            assert_eq!(read_response(nonsense.as_bytes(), false), Err(Malformed));
        }
    }

    #[test]
    fn a_location_may_be_absolute_a_path_or_relative() {
        let url = Url::parse("http://127.0.0.1:8080/rooms/whip").unwrap();

        assert_eq!(url.path_of("http://127.0.0.1:8080/s/1"), "/s/1");
        assert_eq!(url.path_of("/s/1"), "/s/1");
        assert_eq!(url.path_of("s/1"), "/rooms/s/1");
    }

    #[test]
    fn a_url_gets_the_port_and_path_that_it_lacks() {
        let url = Url::parse("http://media").unwrap();

        assert_eq!((url.authority.as_str(), url.path.as_str()), ("media:80", "/"));
        assert!(Url::parse("https://media/whip").is_err());
    }

    #[test]
    fn a_request_carries_its_body_and_token() {
        let url = Url::parse("http://h:1/whip").unwrap();
        let request = request("POST", &url, &url.path, Some("t"), "v=0\r\n");
        let text = String::from_utf8(request).unwrap();

        assert!(text.starts_with("POST /whip HTTP/1.1\r\nHost: h:1\r\n"));
        assert!(text.contains("Authorization: Bearer t\r\n"));
        assert!(text.ends_with("Content-Length: 5\r\n\r\nv=0\r\n"));
    }
}
