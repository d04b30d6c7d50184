//! Base64 in every form that the predecessors' clients send.

use data_encoding::BASE64URL_NOPAD;

/// Decodes base64url or standard base64, padded or not (R44). Applies to a field; bodies are never rewritten.
pub(crate) fn decode_any_base64(text: &str) -> Option<Vec<u8>> {
    let translated: Vec<u8> = text
        .trim_end_matches('=')
        .bytes()
        .map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            other => other,
        })
        .collect();
    BASE64URL_NOPAD.decode(&translated).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_alphabets_with_and_without_padding() {
        for text in ["-_8", "-_8=", "+/8", "+/8="] {
            assert_eq!(decode_any_base64(text), Some(vec![0xfb, 0xff]), "{text}");
        }
        for text in ["-_8 ", "-_8=x", "!", "-_9"] {
            assert_eq!(decode_any_base64(text), None, "{text}");
        }
    }
}
