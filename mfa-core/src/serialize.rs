//! Ids as text for serde. Secrets have no such form.

use std::borrow::Cow;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::api_key::ApiKey;
use crate::code::Code;
use crate::id::{ConsumerId, TotpId, UserId};
#[cfg(feature = "webauthn")]
use crate::webauthn::KeyHandleHash;

/// Writes an id by its `Display`, or by the method named, and reads it by its `FromStr`.
macro_rules! as_text {
    ($id:ident $(. $text:ident())?) => {
        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self$(.$text())?)
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

as_text!(ApiKey.as_str());
as_text!(ConsumerId.as_str());
as_text!(TotpId);
as_text!(UserId);
#[cfg(feature = "webauthn")]
as_text!(KeyHandleHash);

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::de::DeserializeOwned;

    use super::*;

    fn is_text<T: Debug + DeserializeOwned + PartialEq + Serialize>(good: &str, bad: &str) {
        let json = format!("\"{good}\"");
        let id: T = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), json);
        assert!(serde_json::from_str::<T>(&format!("\"{bad}\"")).is_err(), "{bad}");
        assert!(serde_json::from_str::<T>("1").is_err());
    }

    #[test]
    fn ids_are_their_text() {
        let (uuid, upper) = ("2f17e007-394c-4458-a4d2-8799516e4e13", "2F17E007-394C-4458-A4D2-8799516E4E13");
        is_text::<TotpId>(uuid, upper);
        is_text::<UserId>(uuid, upper);
        is_text::<ApiKey>("f11ddd1f3dfa92bfa4646fa64ea9fe982dc12c33", "f11ddd1f/..");
        is_text::<ConsumerId>("f11ddd1f3dfa92bfa4646fa64ea9fe982dc12c33", "");
        #[cfg(feature = "webauthn")]
        is_text::<KeyHandleHash>("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", "47DEQpj8HBSa");
        assert_eq!(serde_json::to_string(&Code::TotpDisabled).unwrap(), "\"totp-disabled\"");
    }
}
