//! DTLS 1.2 over datagrams that somebody else carries (RFC 6347, RFC 5764). It
//! lives until the SRTP keys are known and is then dropped: voice needs no DTLS afterwards.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::ssl::{
    ErrorCode, Ssl, SslContext, SslMethod, SslOptions, SslStream, SslVerifyMode, SslVersion,
};
use openssl::x509::{X509, X509Builder, X509NameBuilder};

use crate::hex;
use crate::srtp::{MasterKey, Profile, keying_material_bytes, split_keying_material};

const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";
const MTU_BYTES: u32 = 1200;
const SERIAL_BITS: i32 = 63;

/// Who begins a handshake (RFC 5763 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Client,
    Server,
}

/// One certificate for all sessions: making one for each would measure the generator.
pub struct Identity {
    context: SslContext,
    pub fingerprint: String,
    pub profile: Profile,
}

impl Identity {
    pub fn new(profile: Profile) -> Result<Self, ErrorStack> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
        let mut name = X509NameBuilder::new()?;
        name.append_entry_by_text("CN", "load")?;
        let name = name.build();
        let mut builder = X509Builder::new()?;
        builder.set_version(2)?;
        let mut serial = BigNum::new()?;
        serial.rand(SERIAL_BITS, MsbOption::ONE, false)?; // positive (RFC 5280 section 4.1.2.2)
        builder.set_serial_number(&*serial.to_asn1_integer()?)?;
        builder.set_subject_name(&name)?;
        builder.set_issuer_name(&name)?;
        builder.set_pubkey(&key)?;
        builder.set_not_before(&*Asn1Time::from_unix(0)?)?;
        builder.set_not_after(&*Asn1Time::days_from_now(2)?)?;
        builder.sign(&key, MessageDigest::sha256())?;
        let certificate = builder.build();

        let mut context = SslContext::builder(SslMethod::dtls())?;
        context.set_min_proto_version(Some(SslVersion::DTLS1_2))?;
        context.set_certificate(&certificate)?;
        context.set_private_key(&key)?;
        context.set_tlsext_use_srtp(profile.openssl_name())?;
        // Self-signed on both sides; the fingerprint of the answer decides (RFC 8122).
        context.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
        context.set_options(SslOptions::NO_QUERY_MTU);
        Ok(Self { context: context.build(), fingerprint: sha256(&certificate)?, profile })
    }
}

/// What a finished handshake agreed on.
pub struct Agreed {
    pub peer_fingerprint: String,
    pub outgoing: MasterKey,
    pub incoming: MasterKey,
}

/// A handshake on its way.
pub struct Handshake {
    stream: SslStream<Mailbox>,
    profile: Profile,
    role: Role,
}

/// How a handshake fails; the sentence is the reason that is counted.
pub type Failed = &'static str;

impl Handshake {
    pub fn new(identity: &Identity, role: Role) -> Result<Self, ErrorStack> {
        let mut ssl = Ssl::new(&identity.context)?;
        ssl.set_mtu(MTU_BYTES)?;
        match role {
            Role::Client => ssl.set_connect_state(),
            Role::Server => ssl.set_accept_state(),
        }
        let stream = SslStream::new(ssl, Mailbox::default())?;
        Ok(Self { stream, profile: identity.profile, role })
    }

    /// Takes a datagram from the server; call `step` next.
    pub fn deliver(&mut self, datagram: &[u8]) {
        self.stream.get_mut().incoming.push_back(datagram.to_vec());
    }

    /// The datagrams to send.
    pub fn outgoing(&mut self) -> impl Iterator<Item = Vec<u8>> {
        self.stream.get_mut().outgoing.drain(..)
    }

    /// Goes on as far as possible, resending what OpenSSL's timer says is lost; `Some` when done.
    pub fn step(&mut self) -> Result<Option<Agreed>, Failed> {
        match self.stream.do_handshake() {
            Ok(()) => self.agreed().map(Some),
            Err(error) if error.code() == ErrorCode::WANT_READ => Ok(None),
            Err(_) => Err("dtls_failed"),
        }
    }

    fn agreed(&self) -> Result<Agreed, Failed> {
        let ssl = self.stream.ssl();
        let selected = ssl.selected_srtp_profile().ok_or("dtls_without_srtp")?;
        if selected.name() != self.profile.openssl_name() {
            return Err("dtls_without_srtp");
        }
        let certificate = ssl.peer_certificate().ok_or("dtls_without_certificate")?;
        let mut material = vec![0; keying_material_bytes(self.profile)];
        ssl.export_keying_material(&mut material, EXPORTER_LABEL, None)
            .map_err(|_| "dtls_without_keys")?;
        let (client, server) = split_keying_material(self.profile, &material);
        let peer_fingerprint = sha256(&certificate).map_err(|_| "dtls_without_certificate")?;
        let (outgoing, incoming) = match self.role {
            Role::Client => (client, server),
            Role::Server => (server, client),
        };
        Ok(Agreed { peer_fingerprint, outgoing, incoming })
    }
}

fn sha256(certificate: &X509) -> Result<String, ErrorStack> {
    Ok(hex::fingerprint(&certificate.digest(MessageDigest::sha256())?))
}

/// Datagrams that wait for OpenSSL or for the socket.
#[derive(Default)]
struct Mailbox {
    incoming: VecDeque<Vec<u8>>,
    outgoing: Vec<Vec<u8>>,
}

impl Read for Mailbox {
    /// One datagram a call, as OpenSSL expects it of a datagram BIO.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let datagram = self.incoming.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
        let length = datagram.len().min(buffer.len());
        buffer[..length].copy_from_slice(&datagram[..length]);
        Ok(length)
    }
}

impl Write for Mailbox {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.outgoing.push(datagram.to_vec());
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(client: &mut Handshake, server: &mut Handshake) -> Result<(Agreed, Agreed), Failed> {
        let (mut of_client, mut of_server) = (None, None);
        for _ in 0..10 {
            if of_client.is_none() {
                of_client = client.step()?;
            }
            client.outgoing().collect::<Vec<_>>().iter().for_each(|d| server.deliver(d));
            if of_server.is_none() {
                of_server = server.step()?;
            }
            server.outgoing().collect::<Vec<_>>().iter().for_each(|d| client.deliver(d));
        }
        of_client.zip(of_server).ok_or("not finished")
    }

    #[test]
    fn both_sides_agree_on_keys_and_see_each_others_certificates() {
        for profile in [Profile::Aes128CmSha1, Profile::Aes128Gcm] {
            let (ours, theirs) = (Identity::new(profile).unwrap(), Identity::new(profile).unwrap());
            let mut client = Handshake::new(&ours, Role::Client).unwrap();
            let mut server = Handshake::new(&theirs, Role::Server).unwrap();

            let (client, server) = run(&mut client, &mut server).unwrap();

            assert_eq!(client.outgoing.key, server.incoming.key);
            assert_eq!(client.incoming.salt, server.outgoing.salt);
            assert_ne!(client.outgoing.key, client.incoming.key);
            assert_eq!(client.peer_fingerprint, theirs.fingerprint);
            assert_eq!(server.peer_fingerprint, ours.fingerprint);
        }
    }

    #[test]
    fn no_datagram_is_larger_than_the_mtu() {
        let profile = Profile::Aes128CmSha1;
        let identity = Identity::new(profile).unwrap();
        let mut client = Handshake::new(&identity, Role::Client).unwrap();

        client.step().unwrap_or_default();

        assert!(client.outgoing().all(|datagram| datagram.len() <= MTU_BYTES as usize));
    }

    #[test]
    fn a_server_without_the_wanted_profile_is_a_failure() {
        let ours = Identity::new(Profile::Aes128Gcm).unwrap();
        let theirs = Identity::new(Profile::Aes128CmSha1).unwrap();
        let mut client = Handshake::new(&ours, Role::Client).unwrap();
        let mut server = Handshake::new(&theirs, Role::Server).unwrap();

        let failure = run(&mut client, &mut server).err();

        assert_eq!(failure, Some("dtls_without_srtp"));
    }
}
