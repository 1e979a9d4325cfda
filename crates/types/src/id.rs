//! Typed ids: twelve bytes like MongoDB's `ObjectId`, written as 24 hexadecimal digits.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is not a valid id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The text is not 24 hexadecimal digits.
    #[error("an id is 24 hexadecimal digits")]
    NotHex,
    /// The text is not `<streamer id>-<ordinal>`.
    #[error("a decision id is a streamer's id, a hyphen and a number")]
    NotDecision,
}

/// Twelve bytes. The first four are the seconds since the Unix epoch (big-endian), so ids sort by age.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 12]);

impl ObjectId {
    /// An id from its twelve bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }

    /// An id made at `seconds` since the Unix epoch. `unique` must differ between all ids of one second.
    #[must_use]
    pub fn from_parts(seconds: u32, unique: [u8; 8]) -> Self {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&seconds.to_be_bytes());
        bytes[4..].copy_from_slice(&unique);
        Self(bytes)
    }

    /// The twelve bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 12] {
        self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ObjectId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 12];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidId::NotHex)?;
        Ok(Self(bytes))
    }
}

macro_rules! typed_id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(ObjectId);

        impl $name {
            /// The untyped id, for storage.
            #[must_use]
            pub const fn object_id(self) -> ObjectId {
                self.0
            }
        }

        impl From<ObjectId> for $name {
            fn from(id: ObjectId) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        text_serde!($name);
    )+};
}

/// Implements serde through `Display` and `FromStr`, so that the JSON form of every id is its text.
macro_rules! text_serde {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

typed_id!(
    /// A user: a streamer, or a person of a brand or of the operator.
    UserId,
    /// A campaign that a brand funds.
    CampaignId,
    /// A streamer's participation in a campaign.
    ParticipationId,
    /// A session: one sign-in of one user.
    SessionId,
);

/// The id of a decision of what one streamer's screen shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DecisionId {
    /// The streamer whose screen the decision is for.
    pub streamer: UserId,
    /// The decision's number among this streamer's decisions, from 1.
    pub ordinal: u64,
}

impl DecisionId {
    /// The id of the streamer's next decision.
    #[must_use]
    pub const fn successor(self) -> Self {
        Self { streamer: self.streamer, ordinal: self.ordinal + 1 }
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.streamer, self.ordinal)
    }
}

impl fmt::Debug for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DecisionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (streamer, ordinal) = text.split_once('-').ok_or(InvalidId::NotDecision)?;
        Ok(Self {
            streamer: streamer.parse()?,
            ordinal: ordinal.parse().map_err(|_| InvalidId::NotDecision)?,
        })
    }
}

text_serde!(DecisionId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_from_its_text_and_nothing_else_is_an_id() {
        let id: UserId = "6864d4187d06a675f2abb714".parse().unwrap();
        assert_eq!(id.to_string(), "6864d4187d06a675f2abb714");
        for junk in ["", "6864d4187d06a675f2abb71", "6864d4187d06a675f2abb7144", "zzzzd4187d06a675f2abb714"] {
            assert_eq!(junk.parse::<UserId>(), Err(InvalidId::NotHex), "{junk:?}");
        }
    }

    #[test]
    fn a_decision_id_names_its_streamer_and_number() {
        let id: DecisionId = "6864d4187d06a675f2abb714-17".parse().unwrap();
        assert_eq!(id.ordinal, 17);
        assert_eq!(id.to_string(), "6864d4187d06a675f2abb714-17");
        assert_eq!(id.successor().ordinal, 18);
        assert!("6864d4187d06a675f2abb714-".parse::<DecisionId>().is_err());
    }
}
