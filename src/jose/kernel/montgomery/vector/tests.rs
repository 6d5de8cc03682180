#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::columns::{BITS, Carry, LARGEST, Sum, Windows, columns, square_columns};
use super::lanes::Lanes;

/// Digits of the largest modulus.
const DIGITS: usize = 640;

fn pairs(digits: &[i32]) -> Vec<Lanes> {
    let lanes = |digits: &[i32]| Lanes::new(digits.try_into().unwrap());
    let (eights, _) = digits.as_chunks::<8>();
    eights
        .iter()
        .map(|eight| lanes(&eight[..4]).narrowed(lanes(&eight[4..])))
        .collect()
}

/// The products of digits whose places add up to that of the column.
fn column(digits: &[i32], place: usize) -> i64 {
    let first = (place + 1).saturating_sub(DIGITS);
    (first..=place.min(DIGITS - 1))
        .map(|row| i64::from(digits[row]) * i64::from(digits[place - row]))
        .sum()
}

fn values(sum: Sum) -> [i64; 4] {
    let (rest, carry) = (sum.rest.integers(), sum.carry.integers());
    [0, 1, 2, 3].map(|lane| i64::from(rest[lane]) + (i64::from(carry[lane]) << BITS))
}

/// What a reduction adds up of numbers of these digits, as both the product and the multiple of the modulus.
fn check(digits: &[i32]) {
    let left = pairs(digits);
    let mut right = Windows::new(left.len());
    right.fill(&left);
    let mut carry = Carry::new(0);
    for block in 0..2 * DIGITS / 16 {
        let rows = (2 * block).saturating_sub(left.len())..left.len().min(2 * block + 2);
        let product = columns(block, rows, &left, &right);
        let square = square_columns(block, &left, &right);
        for (vector, (product, square)) in product.into_iter().zip(square).enumerate() {
            let expected = [0, 1, 2, 3].map(|lane| column(digits, 16 * block + 4 * vector + lane));
            assert_eq!(values(product), expected);
            assert_eq!(values(square), expected);
            let next = carry.next(product.plus(square)).integers();
            assert!(
                next.iter().all(|digit| digit.abs() <= LARGEST),
                "{block} {next:?}"
            );
        }
    }
}

#[test]
fn the_largest_digits_leave_no_larger_ones() {
    check(&[LARGEST; DIGITS]);
    check(&[-LARGEST; DIGITS]);
    let signs = |run: usize| move |place: usize| [LARGEST, -LARGEST][place / run % 2];
    for run in [1, 2, 3, 4, 96, 192, 320] {
        check(&(0..DIGITS).map(signs(run)).collect::<Vec<_>>());
    }
}
