//! A key URI as a QR code, with error correction M, four pixels a module and a quiet zone of four modules.

use data_encoding::BASE64;
use fast_qr::{ECL, QRBuilder};
use mfa_core::totp::KeyUri;
use png::{BitDepth, ColorType, Compression, Encoder};
use zeroize::Zeroizing;

const PIXELS: usize = 4;
const QUIET_ZONE: usize = 4;

/// The QR code could not be made.
#[derive(Debug, thiserror::Error)]
#[error("no QR code for this key URI")]
pub(crate) struct NoQrCode;

/// A `data:image/png` URL with the QR code of `uri`. It holds the shared secret, so it is wiped when dropped.
pub(crate) fn data_url(uri: &KeyUri) -> Result<Zeroizing<String>, NoQrCode> {
    let code = QRBuilder::new(uri.expose_text()).ecl(ECL::M).build().map_err(|_| NoQrCode)?;
    let modules = code.size + 2 * QUIET_ZONE;
    let side = modules * PIXELS;

    // One bit for each pixel, where white is 1. Each row of pixels is made once and repeated.
    let stride = side.div_ceil(8);
    let mut pixels = Zeroizing::new(vec![0xff_u8; stride * side]);
    for y in 0..code.size {
        let (before, after) = pixels.split_at_mut((y + QUIET_ZONE) * PIXELS * stride + stride);
        let row = &mut before[(y + QUIET_ZONE) * PIXELS * stride..];
        for x in (0..code.size).filter(|x| code[y][*x].value()) {
            for pixel in (x + QUIET_ZONE) * PIXELS..(x + QUIET_ZONE + 1) * PIXELS {
                row[pixel / 8] &= !(0x80 >> (pixel % 8));
            }
        }
        for copy in after.chunks_exact_mut(stride).take(PIXELS - 1) {
            copy.copy_from_slice(row);
        }
    }

    let mut picture = Zeroizing::new(Vec::with_capacity(4096));
    let side = u32::try_from(side).map_err(|_| NoQrCode)?;
    let mut encoder = Encoder::new(&mut *picture, side, side);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header().map_err(|_| NoQrCode)?;
    writer.write_image_data(&pixels).map_err(|_| NoQrCode)?;
    writer.finish().map_err(|_| NoQrCode)?;

    let mut url = Zeroizing::new(String::from("data:image/png;base64,"));
    BASE64.encode_append(&picture, &mut url);
    Ok(url)
}
