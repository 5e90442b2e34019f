//! The recovery kit: the device secret as twelve words, and as a sheet to print.

use bip39::{Language, Mnemonic};
use cowl_domain::Handle;
use cowl_seal::key_store::DeviceSecret;
use zeroize::Zeroizing;

use crate::error::{Result, VaultError};

/// What a new device needs besides the password. Not printable by accident.
pub struct RecoveryKit(DeviceSecret);

impl RecoveryKit {
    pub(crate) fn new(device: DeviceSecret) -> Self {
        Self(device)
    }

    pub(crate) fn device_secret(&self) -> DeviceSecret {
        DeviceSecret::from_bytes(*self.0.expose())
    }

    /// The kit from its twelve words, in any case and spacing.
    ///
    /// # Errors
    /// Names the first word that is not in the list, or says that the words do not belong together.
    pub fn from_words(text: &str) -> Result<Self> {
        let folded = Zeroizing::new(text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase());
        let mnemonic = Mnemonic::parse_in_normalized(Language::English, &folded)
            .map_err(|e| VaultError::Invalid(format!("these are not the words of a recovery kit: {e}")))?;
        let entropy = Zeroizing::new(mnemonic.to_entropy());
        let bytes = entropy.as_slice().try_into().map_err(|_| {
            VaultError::Invalid(format!("a recovery kit has 12 words, not {}", mnemonic.word_count()))
        })?;
        Ok(Self(DeviceSecret::from_bytes(bytes)))
    }

    /// The twelve words (BIP-39, English, with its checksum).
    pub fn words(&self) -> Zeroizing<String> {
        let mnemonic = Mnemonic::from_entropy(self.0.expose()).expect("16 bytes make twelve words");
        Zeroizing::new(mnemonic.to_string())
    }

    /// A sheet to print and put away.
    pub fn printable(&self, handle: &Handle, server: &str) -> Zeroizing<String> {
        let words = self.words();
        let rows: Vec<String> = words
            .split(' ')
            .collect::<Vec<_>>()
            .chunks(3)
            .enumerate()
            .map(|(row, three)| {
                let numbered: Vec<String> = three
                    .iter()
                    .enumerate()
                    .map(|(at, word)| format!("{:>2} {word:<10}", row * 3 + at + 1))
                    .collect();
                format!("      {}", numbered.join("  "))
            })
            .collect();
        Zeroizing::new(format!(
            "COWL RECOVERY KIT\n\n  account  {handle}\n  server   {server}\n\n{}\n\n{}",
            rows.join("\n"),
            ADVICE
        ))
    }
}

const ADVICE: &str = "  A new device needs these words and your password. Neither is enough alone.
  Nobody can make them again: not the server, not we. Keep this sheet where you keep
  your passport, and away from the password.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back_to_the_same_secret() {
        let kit = RecoveryKit::new(DeviceSecret::make());
        let again = RecoveryKit::from_words(&kit.words().to_uppercase().replace(' ', "\n  ")).unwrap();
        assert_eq!(kit.0.expose(), again.0.expose());
    }

    #[test]
    fn one_wrong_word_is_refused() {
        let kit = RecoveryKit::new(DeviceSecret::from_bytes([7; 16]));
        let words = kit.words().to_string();
        let first = words.split(' ').next().unwrap();
        let other = if first == "zoo" { "abandon" } else { "zoo" };
        assert!(RecoveryKit::from_words(&words.replacen(first, other, 1)).is_err());
        assert!(RecoveryKit::from_words("three short words").is_err());
    }
}
