//! A party's messages and the transcript of both parties' messages.

use super::{CHECK_BYTES, RunError};
use crate::channel::Channel;
use crate::error::Error;
use crate::ring::Party;

/// One side of the conversation.
pub(super) struct Conversation<'a> {
    party: Party,
    channel: &'a mut dyn Channel,
    transcript: blake3::Hasher,
    /// What the peer's first bytes must be.
    expected: Option<[u8; CHECK_BYTES]>,
    sent: u64,
    received: u64,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(party: Party, channel: &'a mut dyn Channel) -> Self {
        let transcript = blake3::Hasher::new_derive_key("cowl/mpc/transcript/v1");
        Self { party, channel, transcript, expected: None, sent: 0, received: 0 }
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Sends the greeting; the peer's is looked at before its first message, so that it costs no round.
    pub(super) fn greet(&mut self, greeting: &[u8; CHECK_BYTES]) -> Result<(), RunError> {
        self.transcript.update(greeting);
        self.expected = Some(*greeting);
        self.put(greeting)
    }

    /// Both send at once.
    pub(super) fn exchange(&mut self, message: &[u8], expected: usize) -> Result<Vec<u8>, RunError> {
        self.put(message)?;
        let theirs = self.take(expected)?;
        let in_order = match self.party {
            Party::ModelOwner => [message, &theirs],
            Party::DataOwner => [&theirs, message],
        };
        in_order.into_iter().for_each(|message| _ = self.transcript.update(message));
        Ok(theirs)
    }

    /// This party alone sends.
    pub(super) fn send(&mut self, message: &[u8]) -> Result<(), RunError> {
        self.put(message)?;
        self.transcript.update(message);
        Ok(())
    }

    /// The other one alone sends.
    pub(super) fn receive(&mut self, bytes: usize) -> Result<Vec<u8>, RunError> {
        let message = self.take(bytes)?;
        self.transcript.update(&message);
        Ok(message)
    }

    /// Compares transcripts: after this, both have seen the same messages.
    pub(super) fn check(&mut self) -> Result<[u8; 32], RunError> {
        let mine = *self.transcript.finalize().as_bytes();
        self.put(&mine)?;
        let theirs = self.take(CHECK_BYTES)?;
        if theirs == mine { Ok(mine) } else { Err(RunError::Transcript) }
    }

    fn put(&mut self, message: &[u8]) -> Result<(), RunError> {
        if !message.is_empty() {
            self.channel.send(message)?;
            self.sent += message.len() as u64;
        }
        Ok(())
    }

    fn take(&mut self, bytes: usize) -> Result<Vec<u8>, RunError> {
        if let Some(expected) = self.expected.take()
            && self.arrived(CHECK_BYTES)? != expected
        {
            return Err(RunError::Greeting);
        }
        self.arrived(bytes)
    }

    fn arrived(&mut self, bytes: usize) -> Result<Vec<u8>, RunError> {
        if bytes == 0 {
            return Ok(Vec::new());
        }
        let message = self.channel.receive(bytes)?;
        self.received += message.len() as u64;
        if message.len() == bytes {
            return Ok(message);
        }
        Err(Error::Message { expected: bytes, found: message.len() }.into())
    }
}
