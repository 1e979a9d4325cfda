//! The enums whose values are fixed words in documents and in the API.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The error for a word that is not in the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not one of {expected}")]
pub struct UnknownValue {
    /// The given word, cut to 64 characters.
    pub value: String,
    /// The allowed words, separated by commas.
    pub expected: &'static str,
}

/// Defines an enum that text, JSON and storage all write as the same word.
macro_rules! words {
    ($(#[$doc:meta])+ $name:ident { $($(#[$vdoc:meta])+ $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])+ $variant),+ }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word that stands for the value in storage and in the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownValue {
                        value: text.chars().take(64).collect(),
                        expected: words!(@list $($word),+),
                    }),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
    (@list $first:literal $(, $rest:literal)*) => { concat!($first $(, ", ", $rest)*) };
}
pub(crate) use words;

words! {
    /// The status of a campaign.
    CampaignStatus {
        /// The brand is still writing it.
        Draft = "draft",
        /// It waits for the operator's review.
        Pending = "pending",
        /// It passed the review and is running.
        Active = "active",
        /// The brand has paused it and may resume it.
        Paused = "paused",
        /// It has ended, and its money is settled.
        Completed = "completed",
        /// It was ended early.
        Cancelled = "cancelled",
        /// The review refused it.
        Rejected = "rejected",
    }
}

words! {
    /// The status of a streamer's participation in a campaign.
    ParticipationStatus {
        /// Its campaign may be shown.
        Active = "active",
        /// Paused; found in old data only.
        Paused = "paused",
        /// Refused; found in old data only.
        Rejected = "rejected",
        /// Ended with its campaign.
        Completed = "completed",
        /// The streamer left before the campaign's end.
        LeftEarly = "left_early",
        /// The brand or the operator removed the streamer.
        Removed = "removed",
        /// The streamer has paused it and may resume it.
        ParticipationPaused = "participation_paused",
    }
}

words! {
    /// What a campaign pays for.
    PaymentType {
        /// The rate is paid per thousand impressions.
        Cpm = "cpm",
        /// The rate is the total for a participation, spread evenly over the expected impressions.
        Fixed = "fixed",
        /// The rate is paid for each accepted visit through the tracking link.
        Cpc = "cpc",
    }
}

words! {
    /// The kind of a campaign's creative.
    MediaType {
        /// A still or animated picture.
        Image = "image",
        /// A video, played muted in a loop.
        Video = "video",
    }
}

words! {
    /// Where a click under a streamer's own token came from.
    ClickKind {
        /// A click on the overlay itself.
        Overlay = "overlay",
        /// A chat bot reported the click.
        Chat = "chat",
        /// The click was reported as a scan of the QR code.
        Qr = "qr",
        /// The click was reported as a click on the link.
        Link = "link",
    }
}

words! {
    /// Where a viewer found the tracking link that they followed.
    VisitSource {
        /// They scanned the QR code.
        Qr = "qr",
        /// They followed the link of the chat command.
        Chat = "chat",
        /// They followed the bare link.
        Link = "link",
    }
}

words! {
    /// Why an event is not counted and earns nothing.
    RejectionReason {
        /// No campaign is on the streamer's screen.
        NothingOnScreen = "nothing-on-screen",
        /// The campaign cannot pay one more unit.
        BudgetExhausted = "budget-exhausted",
        /// A blackout period of the streamer is in force.
        Blackout = "blackout",
        /// The campaign is not running, because of its status or its dates.
        CampaignNotActive = "campaign-not-active",
        /// The streamer's participation is not running.
        ParticipationNotActive = "participation-not-active",
        /// The streamer's own test ad is on screen.
        TestAd = "test-ad",
        /// The impressions of this decision are paid by the other basis: displays instead of viewers, or viewers
        /// instead of displays.
        OtherBasis = "other-basis",
    }
}

words! {
    /// Why an event is counted but not paid, if the reason is not the price.
    UnpaidReason {
        /// Another display on this streamer's screen was paid in the same minute.
        MinuteAlreadyPaid = "minute-already-paid",
        /// The campaign's limit of paid visits per address and hour is used up for this address.
        AddressLimit = "address-limit",
        /// The visitor is a program: the user agent says so, or is missing.
        Bot = "bot",
        /// The campaign has no address to which the server could redirect the visitor.
        NoDestination = "no-destination",
    }
}

words! {
    /// Who confirms a user's identity.
    AuthProvider {
        /// Twitch.
        Twitch = "twitch",
        /// YouTube.
        Youtube = "youtube",
        /// An e-mail address and a password.
        Email = "email",
    }
}

words! {
    /// The role of a user, in the words of the previous system.
    Role {
        /// A streamer.
        Streamer = "streamer",
        /// A brand.
        Brand = "brand",
        /// The operator.
        Admin = "admin",
        /// Brand portal.
        MarketingHead = "marketing_head",
        /// Brand portal.
        CampaignManager = "campaign_manager",
        /// Brand portal.
        AdminBrand = "admin_brand",
        /// Brand portal.
        FinanceManager = "finance_manager",
        /// Brand portal.
        ValidatorApprover = "validator_approver",
        /// Brand portal.
        CampaignConsultant = "campaign_consultant",
        /// Brand portal.
        SalesRepresentative = "sales_representative",
        /// Brand portal.
        Support2Brand = "support_2_brand",
        /// Brand portal.
        Support1Brand = "support_1_brand",
        /// Admin portal.
        SuperAdmin = "super_admin",
        /// Admin portal.
        AdminExchange = "admin_exchange",
        /// Admin portal.
        PlatformSuccessManager = "platform_success_manager",
        /// Admin portal.
        CustomerSuccessManager = "customer_success_manager",
        /// Admin portal.
        CampaignSuccessManager = "campaign_success_manager",
        /// Admin portal.
        Support2Admin = "support_2_admin",
        /// Admin portal.
        Support1Admin = "support_1_admin",
        /// Publisher portal: a publisher who streams.
        IndependentPublisher = "independent_publisher",
        /// Publisher portal: manages artists, does not stream.
        ArtisteManager = "artiste_manager",
        /// Publisher portal: a streamer, in the later vocabulary.
        StreamerIndividual = "streamer_individual",
        /// Publisher portal.
        LiaisonManager = "liaison_manager",
        /// Publisher portal.
        Support2Publisher = "support_2_publisher",
        /// Publisher portal.
        Support1Publisher = "support_1_publisher",
    }
}

impl RejectionReason {
    /// Whether only the ledger gives this reason, whatever was submitted.
    #[must_use]
    pub const fn is_of_ledger(self) -> bool {
        matches!(self, Self::BudgetExhausted | Self::OtherBasis)
    }
}

impl UnpaidReason {
    /// Whether only the ledger gives this reason, because of earlier payments.
    #[must_use]
    pub const fn is_of_ledger(self) -> bool {
        matches!(self, Self::MinuteAlreadyPaid | Self::AddressLimit)
    }
}

impl Role {
    /// Whether the user streams, that is, joins campaigns and has an overlay. These are the three roles that could bid
    /// on campaigns in the previous system.
    #[must_use]
    pub const fn is_streamer(self) -> bool {
        matches!(self, Self::Streamer | Self::StreamerIndividual | Self::IndependentPublisher)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back() {
        for status in ParticipationStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
        assert_eq!(Role::ALL.len(), 25);
    }

    #[test]
    fn an_unknown_word_is_refused_with_the_list_and_cut_short() {
        let error = "x".repeat(10_000).parse::<MediaType>().unwrap_err();
        assert_eq!(error.value.len(), 64);
        assert_eq!(error.expected, "image, video");
    }

    /// Defect A14: guards knew the later roles, services only the literal `streamer`.
    #[test]
    fn a14_the_later_role_of_a_streamer_is_a_streamer() {
        assert!(Role::StreamerIndividual.is_streamer());
        assert!(!Role::Brand.is_streamer());
    }
}
