//! `auth.*`: the secret by which the server knows callers.

use std::{fmt, path::PathBuf};

use anyhow::bail;
use serde::Deserialize;

use crate::secret::{self, Secret};

/// The shared secret. `Debug` hides it.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthSettings {
    /// The secret that all instances share. It signs bearer tokens and receipts, and seeds decisions.
    pub jwt_secret: Option<String>,
    /// The file that holds the secret. Only its owner may be able to read it.
    pub jwt_secret_file: Option<PathBuf>,
}

impl AuthSettings {
    /// Whether neither a secret nor a file is set.
    pub(crate) const fn is_unset(&self) -> bool {
        self.jwt_secret.is_none() && self.jwt_secret_file.is_none()
    }

    /// Returns the shared secret, from the configuration or from the file that the configuration names.
    ///
    /// # Errors
    /// If the secret is missing, given twice, weak, or in a file that others can read. The message says what to do.
    pub(crate) fn secret(&self) -> anyhow::Result<Vec<u8>> {
        let given = self.jwt_secret.as_deref().filter(|text| !text.is_empty());
        let secret = match (given, &self.jwt_secret_file) {
            (Some(_), Some(_)) => bail!(
                "GAMETRIGGERS__AUTH__JWT_SECRET and GAMETRIGGERS__AUTH__JWT_SECRET_FILE are both set; give the secret once"
            ),
            (Some(secret), None) => Secret::new(secret, "GAMETRIGGERS__AUTH__JWT_SECRET"),
            (None, Some(path)) => Secret::read(path),
            (None, None) => bail!("GAMETRIGGERS__AUTH__JWT_SECRET is not set; {}", secret::REMEDY),
        };
        Ok(secret?.into_bytes())
    }
}

impl fmt::Debug for AuthSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthSettings").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRONG: &str = "0123456789abcdef0123456789abcdef";

    fn auth(secret: Option<&str>, file: Option<&str>) -> AuthSettings {
        AuthSettings { jwt_secret: secret.map(str::to_owned), jwt_secret_file: file.map(PathBuf::from) }
    }

    #[test]
    fn a_secret_is_given_once() {
        assert_eq!(auth(Some(STRONG), None).secret().unwrap(), STRONG.as_bytes());
        let twice = auth(Some(STRONG), Some("secret")).secret().unwrap_err().to_string();
        assert!(twice.contains("both set"), "{twice}");
    }

    /// Defect A5: the previous system used a secret from its source code if none was set.
    #[test]
    fn a_missing_or_empty_secret_is_refused() {
        for missing in [auth(None, None), auth(Some(""), None)] {
            let refused = missing.secret().unwrap_err().to_string();
            assert!(refused.contains("is not set") && refused.contains("openssl rand"), "{refused}");
        }
        assert!(auth(None, None).is_unset());
        assert!(!auth(Some(""), None).is_unset());
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert!(!format!("{:?}", auth(Some(STRONG), None)).contains(STRONG));
    }
}
