//! Two parties on one connection: TLS 1.3, both sides known by the Ed25519 keys of the directory.
//!
//! There are no certificates to believe: each side shows its signing key as it is (a raw public key, RFC 7250)
//! and proves that it holds it, and each side accepts the keys that it expects and no others. What TLS signs
//! begins with 64 spaces and its own context (RFC 8446, section 4.4.3), so no statement of Cowl can be taken
//! for it. Keys are agreed with X25519 and ML-KEM-768 together; nothing is resumed.
//!
//! [`Link`] moves bytes. A connection that is closed, falls silent or was tampered with ends in a
//! [`PeerError`] that says which.

mod guests;
mod link;
mod tls;

use std::io;
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use cowl_crypto::sign::SigningKey;
use cowl_domain::{PartyId, PartyKeys};

pub(crate) use guests::{GuestList, Guests};
pub(crate) use link::{Link, StreamReader, StreamWriter, Wire};

/// Why two parties could not go on together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PeerError {
    /// Nobody answers at the address.
    #[error("{address} cannot be reached: {source}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// Somebody answers who does not have the key of the party that was expected.
    #[error("{peer}: this is somebody else; the key is not the one in the directory")]
    Stranger {
        /// Who was expected.
        peer: String,
    },
    /// The other side does not accept this party's key.
    #[error("{peer} does not know this party's key, or has not been told to serve it")]
    NotWelcome {
        /// Who refuses.
        peer: String,
    },
    /// Bytes were changed on the way here.
    #[error("bytes from {peer} were changed on the way; nothing of them was used")]
    Tampered {
        /// From whom.
        peer: String,
    },
    /// The other side says so of the bytes that were sent to it.
    #[error("bytes to {peer} were changed on the way; {peer} has refused them")]
    TamperedThere {
        /// To whom.
        peer: String,
    },
    /// Something that is no connection of this kind.
    #[error("{peer} does not speak this protocol: {detail}")]
    Protocol {
        /// Who.
        peer: String,
        /// What it said.
        detail: String,
    },
    /// No byte for longer than one is ready to wait.
    #[error("{peer} has stopped answering: nothing for {} s", patience.as_secs_f32())]
    Silent {
        /// Who.
        peer: String,
        /// How long one waited.
        patience: Duration,
    },
    /// The connection ended in the middle.
    #[error("{peer} has hung up")]
    HungUp {
        /// Who.
        peer: String,
    },
    /// The other side says no, and why.
    #[error("{peer} refuses: {reason}")]
    Refused {
        /// Who.
        peer: String,
        /// In its words.
        reason: String,
    },
    /// A message that is not what comes next.
    #[error("{peer} has sent something else than what comes next: {detail}")]
    Unexpected {
        /// Who.
        peer: String,
        /// What.
        detail: String,
    },
    /// This machine's network.
    #[error("the connection to {peer} failed: {source}")]
    Io {
        /// To whom.
        peer: String,
        /// Why.
        source: io::Error,
    },
}

/// A party as the directory has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PeerKey {
    /// Its handle.
    pub(crate) name: String,
    /// Its keys.
    pub(crate) keys: PartyKeys,
}

impl PeerKey {
    /// Who it is.
    pub(crate) fn party(&self) -> PartyId {
        self.keys.party
    }
}

/// How this party shows who it is.
pub(crate) struct Identity(Arc<rustls::sign::CertifiedKey>);

impl Identity {
    /// The identity of whoever holds this key.
    pub(crate) fn new(key: &SigningKey) -> Self {
        Self(tls::certified(key))
    }
}

/// Connects to a party, who must have the key that is expected of it.
///
/// # Errors
/// [`PeerError::Unreachable`], [`PeerError::Stranger`], [`PeerError::NotWelcome`].
pub(crate) fn connect(
    identity: &Identity,
    expected: &PeerKey,
    address: &str,
    patience: Duration,
) -> Result<Link, PeerError> {
    let unreachable = |source| PeerError::Unreachable { address: address.to_owned(), source };
    let none = || io::Error::new(io::ErrorKind::NotFound, "no such address");
    let mut last = none();
    for address in address.to_socket_addrs().map_err(unreachable)? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(socket) => {
                let tls = tls::client(identity, expected);
                let mut link = Link::new(socket, tls.into(), &expected.name, patience)?;
                link.shake_hands()?;
                return Ok(link);
            }
            Err(error) => last = error,
        }
    }
    Err(unreachable(last))
}

/// Waits for parties.
pub(crate) struct Listener {
    socket: TcpListener,
    config: Arc<rustls::ServerConfig>,
    guests: Guests,
    patience: Duration,
}

impl Listener {
    /// Listens at `address` for these parties, and no others.
    ///
    /// # Errors
    /// [`PeerError::Unreachable`] when the address cannot be listened at.
    pub(crate) fn bind(
        identity: &Identity,
        guests: impl Into<Guests>,
        address: &str,
        patience: Duration,
    ) -> Result<Self, PeerError> {
        let socket = TcpListener::bind(address)
            .map_err(|source| PeerError::Unreachable { address: address.to_owned(), source })?;
        let guests = guests.into();
        let config = tls::server(identity, guests.clone());
        Ok(Self { socket, config, guests, patience })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn address(&self) -> io::Result<std::net::SocketAddr> {
        self.socket.local_addr()
    }

    /// Waits for the next connection; nothing is known of its other end yet.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn wait(&self) -> io::Result<TcpStream> {
        Ok(self.socket.accept()?.0)
    }

    /// Finds out who is at the other end of a connection.
    ///
    /// # Errors
    /// [`PeerError::Stranger`] when it is none of the expected parties.
    pub(crate) fn greet(&self, socket: TcpStream) -> Result<(Link, PeerKey), PeerError> {
        let from =
            socket.peer_addr().map_or_else(|_| "a connection".to_owned(), |address| address.to_string());
        let broken =
            |detail: rustls::Error| PeerError::Protocol { peer: from.clone(), detail: detail.to_string() };
        let tls = rustls::ServerConnection::new(self.config.clone()).map_err(broken)?;
        let mut link = Link::new(socket, tls.into(), &from, self.patience)?;
        link.shake_hands()?;
        let known = link.shown_key().and_then(|key| self.guests.with_key(&key));
        let peer = known.ok_or(PeerError::Stranger { peer: from })?;
        link.rename(&peer.name);
        Ok((link, peer))
    }
}

#[cfg(test)]
mod tests;
