//! The command line.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddrV4};

use lexopt::prelude::*;

use crate::http::Url;
use crate::srtp::Profile;
use crate::voice::Dialect;

pub const HELP: &str = "\
Opens WHIP sessions with real ICE and DTLS-SRTP, speaks 50 packets/s into each, measures the echo.

voicemedia-loadgen --url http://127.0.0.1:8080/whip [options]
  --url URL            where to POST offers (http only)
  --transport T        webrtc, or websocket: the URL is then that of WebSocket v2 (webrtc)
  --dialect D          over a WebSocket: vm.v2.rtp (Opus in RTP) or twilio (µ-law in JSON) (vm.v2.rtp)
  --sessions N         how many sessions (100)
  --seconds S          how long to measure (10)
  --settle S           how long to speak before measuring (2)
  --rate R             set-ups begun per second, 0: no limit (300)
  --concurrency N      set-ups under way at once (64)
  --close-rate R       sessions ended per second, 0: no limit (500)
  --setups-only        no media: open and end each session, measure the set-ups
  --srtp-profile P     cm (AES128_CM_HMAC_SHA1_80) or gcm (AEAD_AES_128_GCM) (cm)
  --address IPV4       send media there, not to the candidate that would be chosen
  --own-sockets        a socket for each session, instead of an address in 127.0.0.0/8
  --quantum-us N       how long to sleep at least between rounds (100)
  --pin CPU            run on that CPU only
  --json               one JSON document on standard output
The environment's WHIP_TOKEN is sent as a bearer token.

voicemedia-loadgen --raw IPV4:PORT [options]
                       no set-up; every datagram comes back from a reflector
voicemedia-loadgen reflect [--pin CPU]
                       such a reflector; prints its address
";

/// What to do.
#[derive(Debug)]
pub enum Command {
    Load(Box<Options>),
    Reflect { pin: Option<usize> },
    Help,
}

/// Who answers.
#[derive(Clone, Debug)]
pub enum Target {
    Whip(Url),
    WebSocket(Url, Dialect),
    Reflector(SocketAddrV4),
}

#[derive(Clone, Debug)]
pub struct Options {
    pub target: Target,
    pub sessions: usize,
    pub measure_s: f64,
    pub settle_s: f64,
    pub rate_per_s: f64,
    pub concurrency: usize,
    pub close_rate_per_s: f64,
    pub is_setups_only: bool,
    pub profile: Profile,
    pub address: Option<Ipv4Addr>,
    pub has_own_sockets: bool,
    pub quantum_us: u64,
    pub pin: Option<usize>,
    pub is_json: bool,
}

/// Reads the arguments after the program's name. The error is a sentence for people.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let (mut target, mut is_reflector) = (None, false);
    let (mut transport, mut dialect) = (String::from("webrtc"), Dialect::Rtp);
    let mut options = defaults();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("url") => target = Some(Target::Whip(Url::parse(&parser.value()?.string()?)?)),
            Long("raw") => target = Some(Target::Reflector(parser.value()?.parse()?)),
            Long("transport") => transport = one_of(&["webrtc", "websocket"], parser.value()?)?,
            Long("dialect") => dialect = dialect_of(&parser.value()?.string()?)?,
            Long("sessions") => options.sessions = parser.value()?.parse()?,
            Long("seconds") => options.measure_s = parser.value()?.parse()?,
            Long("settle") => options.settle_s = parser.value()?.parse()?,
            Long("rate") => options.rate_per_s = parser.value()?.parse()?,
            Long("concurrency") => options.concurrency = parser.value()?.parse()?,
            Long("close-rate") => options.close_rate_per_s = parser.value()?.parse()?,
            Long("setups-only") => options.is_setups_only = true,
            Long("srtp-profile") => options.profile = profile(&parser.value()?.string()?)?,
            Long("address") => options.address = Some(parser.value()?.parse()?),
            Long("own-sockets") => options.has_own_sockets = true,
            Long("quantum-us") => options.quantum_us = parser.value()?.parse()?,
            Long("pin") => options.pin = Some(parser.value()?.parse()?),
            Long("json") => options.is_json = true,
            Long("help") | Short('h') => return Ok(Command::Help),
            Value(value) if value == "reflect" => is_reflector = true,
            other => return Err(other.unexpected()),
        }
    }
    if is_reflector {
        return Ok(Command::Reflect { pin: options.pin });
    }
    if transport == "websocket" {
        let Some(Target::Whip(url)) = target else {
            return Err("--transport websocket needs --url".into());
        };
        target = Some(Target::WebSocket(url, dialect));
    }
    let target = target.ok_or("--url is missing; --help lists the options")?;
    if options.sessions == 0 || options.sessions > MAX_SESSIONS {
        return Err(format!("--sessions must be 1 to {MAX_SESSIONS}").into());
    }
    if options.concurrency == 0 {
        return Err("--concurrency must be at least 1".into());
    }
    Ok(Command::Load(Box::new(Options { target, ..options })))
}

/// As many addresses as are taken from 127.0.0.0/8.
pub const MAX_SESSIONS: usize = 1 << 20;

/// What holds where nothing is said.
pub fn defaults() -> Options {
    Options {
        target: Target::Reflector(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)),
        sessions: 100,
        measure_s: 10.0,
        settle_s: 2.0,
        rate_per_s: 300.0,
        concurrency: 64,
        close_rate_per_s: 500.0,
        is_setups_only: false,
        profile: Profile::Aes128CmSha1,
        address: None,
        has_own_sockets: false,
        quantum_us: 100,
        pin: None,
        is_json: false,
    }
}

fn one_of(known: &[&str], value: OsString) -> Result<String, lexopt::Error> {
    let value = value.string()?;
    if known.contains(&value.as_str()) {
        return Ok(value);
    }
    Err(format!("--transport must be one of {}, not {value}", known.join(", ")).into())
}

fn dialect_of(name: &str) -> Result<Dialect, String> {
    let known = Dialect::ALL.into_iter().find(|dialect| dialect.name() == name);
    known.ok_or_else(|| format!("--dialect must be vm.v2.rtp or twilio, not {name}"))
}

fn profile(name: &str) -> Result<Profile, String> {
    match name {
        "cm" => Ok(Profile::Aes128CmSha1),
        "gcm" => Ok(Profile::Aes128Gcm),
        _ => Err(format!("--srtp-profile must be cm or gcm, not {name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn every_option_in_the_help_is_understood() {
        let line = "--url http://h/whip --sessions 5 --seconds 1.5 --settle 0 --rate 10 \
            --concurrency 2 --close-rate 0 --setups-only --srtp-profile gcm --address 127.0.0.1 \
            --own-sockets --quantum-us 20 --pin 1 --json --transport websocket --dialect twilio";
        let Ok(Command::Load(options)) = parsed(line) else { panic!("{line}") };

        assert!(matches!(options.target, Target::WebSocket(_, Dialect::Twilio)));
        assert_eq!((options.sessions, options.concurrency, options.pin), (5, 2, Some(1)));
        assert_eq!(options.profile, Profile::Aes128Gcm);
        for word in line.split_whitespace().filter(|word| word.starts_with("--")) {
            assert!(HELP.contains(word), "{word}");
        }
    }

    #[test]
    fn an_impossible_value_names_its_option() {
        for line in [
            "--transport tcp",
            "--dialect morse",
            "--sessions 0 --url http://h/",
            "--srtp-profile x",
            "--concurrency 0 --url http://h/",
        ] {
            let option = line.split_whitespace().next().unwrap();
            assert!(parsed(line).unwrap_err().contains(option), "{line}");
        }
        assert!(parsed("").unwrap_err().contains("--url"));
        assert!(parsed("--nonsense").is_err());
        assert!(parsed("--url https://h/").is_err());
    }

    #[test]
    fn a_reflector_needs_no_url() {
        assert!(matches!(parsed("reflect --pin 0"), Ok(Command::Reflect { pin: Some(0) })));
    }
}
