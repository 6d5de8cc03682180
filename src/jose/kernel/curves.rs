//! The numbers of each curve, in the limbs of [`residue`](super::residue): a test compares them with what the
//! libraries know, and computes the rest anew.

use std::sync::OnceLock;

use super::{
    point::{A, Curve, Table},
    residue::Modulus,
};

/// The field of P-256 (SEC 2 section 2.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jose) struct P256Field;

impl Modulus<9> for P256Field {
    const BITS: u32 = 29;
    const LIMBS: [i32; 9] = [
        0x1fffffff, 0x1fffffff, 0x1fffffff, 0x000001ff, 0x00000000, 0x00000000, 0x00040000,
        0x1fe00000, 0x00ffffff,
    ];
    const NEGATED_INVERSE: u32 = 0x1;
    const SQUARE_OF_R: [i32; 9] = [
        0x00000c00, 0x00000000, 0x1fff0000, 0x1fdfffff, 0x1fbfffff, 0x1fffffff, 0x1fffffff,
        0x1ffffffe, 0x00000013,
    ];
}

/// The order of the group of P-256 (SEC 2 section 2.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jose) struct P256Order;

impl Modulus<9> for P256Order {
    const BITS: u32 = 29;
    const LIMBS: [i32; 9] = [
        0x1c632551, 0x1dce5617, 0x05e7a13c, 0x0df55b4e, 0x1ffffbce, 0x1fffffff, 0x0003ffff,
        0x1fe00000, 0x00ffffff,
    ];
    const NEGATED_INVERSE: u32 = 0xe00bc4f;
    const SQUARE_OF_R: [i32; 9] = [
        0x148d9ef5, 0x0f4e7f75, 0x14c6a651, 0x03f8b765, 0x165861f1, 0x1256d7d8, 0x1c185b23,
        0x0d4cab0f, 0x0084b655,
    ];
}

/// P-256 (SEC 2 section 2.4.2).
#[derive(Clone, Copy, Debug)]
pub(in crate::jose) struct P256;

impl Curve<9> for P256 {
    type Field = P256Field;
    type Order = P256Order;
    const A: A = A::MinusThree;
    const BYTES: usize = 32;
    const GENERATOR: [[i32; 9]; 2] = [
        [
            0x1898c296, 0x0509ca2e, 0x1acce83d, 0x06fb025b, 0x040f2770, 0x1372b1d2, 0x091fe2f3,
            0x1e5c2588, 0x006b17d1,
        ],
        [
            0x17bf51f5, 0x1db20341, 0x0c57b3b2, 0x1c66aed6, 0x19e162bc, 0x15a53e07, 0x1e6e3b9f,
            0x1c5fc34f, 0x004fe342,
        ],
    ];
    const GENERATOR_WINDOW: u32 = 8;

    fn generator_table() -> &'static Table<Self, 9> {
        static TABLE: OnceLock<Table<P256, 9>> = OnceLock::new();
        TABLE.get_or_init(Table::of_generator)
    }
}

/// The field of P-384 (SEC 2 section 2.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jose) struct P384Field;

impl Modulus<14> for P384Field {
    const BITS: u32 = 28;
    const LIMBS: [i32; 14] = [
        0x0fffffff, 0x0000000f, 0x00000000, 0x0ffff000, 0x0ffeffff, 0x0fffffff, 0x0fffffff,
        0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0fffffff, 0x000fffff,
    ];
    const NEGATED_INVERSE: u32 = 0x1;
    const SQUARE_OF_R: [i32; 14] = [
        0x00010000, 0x0fe00000, 0x00ffffff, 0x00000000, 0x00000002, 0x00000000, 0x0ffffe00,
        0x00000fff, 0x00020000, 0x00100000, 0x00000000, 0x00000000, 0x00000000, 0x00000000,
    ];
}

/// The order of the group of P-384 (SEC 2 section 2.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jose) struct P384Order;

impl Modulus<14> for P384Order {
    const BITS: u32 = 28;
    const LIMBS: [i32; 14] = [
        0x0cc52973, 0x0ec196ac, 0x00a77aec, 0x00db248b, 0x0ddf581a, 0x081f4372, 0x0fc7634d,
        0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0fffffff, 0x000fffff,
    ];
    const NEGATED_INVERSE: u32 = 0x88fdc45;
    const SQUARE_OF_R: [i32; 14] = [
        0x060e3cb4, 0x035fd093, 0x090eb460, 0x073c4e12, 0x0ff2dbd2, 0x043a6add, 0x02d164ee,
        0x01cc5bf0, 0x09174aab, 0x095d40d4, 0x0a282668, 0x03fb05b7, 0x0b39bf21, 0x000ee012,
    ];
}

/// P-384 (SEC 2 section 2.5.1).
#[derive(Clone, Copy, Debug)]
pub(in crate::jose) struct P384;

impl Curve<14> for P384 {
    type Field = P384Field;
    type Order = P384Order;
    const A: A = A::MinusThree;
    const BYTES: usize = 48;
    const GENERATOR: [[i32; 14]; 2] = [
        [
            0x02760ab7, 0x0545e387, 0x05296c3a, 0x0f25dbf5, 0x0a385502, 0x0e082542, 0x0859f741,
            0x08ba79b9, 0x0e1d3b62, 0x020ad746, 0x01c71ef3, 0x005378eb, 0x0a22be8b, 0x000aa87c,
        ],
        [
            0x00ea0e5f, 0x0431d7c9, 0x0e819d7a, 0x0b1ce1d7, 0x08c00a60, 0x013b5f0b, 0x0ce9da31,
            0x0289a147, 0x08f41dbd, 0x092dc29f, 0x0e98bf92, 0x02c6f5d9, 0x0e4a9626, 0x0003617d,
        ],
    ];

    fn generator_table() -> &'static Table<Self, 14> {
        static TABLE: OnceLock<Table<P384, 14>> = OnceLock::new();
        TABLE.get_or_init(Table::of_generator)
    }
}

/// The field of P-521 (SEC 2 section 2.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jose) struct P521Field;

impl Modulus<19> for P521Field {
    const BITS: u32 = 28;
    const LIMBS: [i32; 19] = [
        0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0fffffff,
        0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0fffffff,
        0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0001ffff,
    ];
    const NEGATED_INVERSE: u32 = 0x1;
    const SQUARE_OF_R: [i32; 19] = [
        0x00400000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000,
        0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000,
        0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000,
    ];
}

/// The order of the group of P-521 (SEC 2 section 2.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jose) struct P521Order;

impl Modulus<19> for P521Order {
    const BITS: u32 = 28;
    const LIMBS: [i32; 19] = [
        0x01386409, 0x06fb71e9, 0x0c47aebb, 0x0c9b8899, 0x05d03bb5, 0x048f709a, 0x0b7fcc01,
        0x0bf2f966, 0x01868783, 0x0fffffa5, 0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0fffffff,
        0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0fffffff, 0x0001ffff,
    ];
    const NEGATED_INVERSE: u32 = 0x9a995c7;
    const SQUARE_OF_R: [i32; 19] = [
        0x0603fb63, 0x069c815c, 0x0f1cfbba, 0x038a6efa, 0x0de5cd23, 0x01524db6, 0x0d09706c,
        0x0eaaa8ea, 0x0b4ace7f, 0x0d142b76, 0x07bccff3, 0x061a8e56, 0x055bcc6d, 0x0492d0d4,
        0x0d8e03d1, 0x044383d2, 0x0a3afe8c, 0x0a39a5b5, 0x00000391,
    ];
}

/// P-521 (SEC 2 section 2.6.1).
#[derive(Clone, Copy, Debug)]
pub(in crate::jose) struct P521;

impl Curve<19> for P521 {
    type Field = P521Field;
    type Order = P521Order;
    const A: A = A::MinusThree;
    const BYTES: usize = 66;
    const GENERATOR: [[i32; 19]; 2] = [
        [
            0x02e5bd66, 0x07e7e31c, 0x0a429bf9, 0x0b3c1856, 0x08de3348, 0x027a2ffa, 0x08fe1dc1,
            0x0efe7592, 0x014b5e77, 0x04d3dbaa, 0x08af606b, 0x0b521f82, 0x0139053f, 0x0429c648,
            0x062395b4, 0x09e3ecb6, 0x0404e9cd, 0x08e06b70, 0x0000c685,
        ],
        [
            0x0fd16650, 0x0be94769, 0x02c24088, 0x07086a27, 0x0761353c, 0x0013fad0, 0x00c550b9,
            0x05ef4264, 0x07ee7299, 0x03e662c9, 0x0fbd1727, 0x0446817a, 0x0449579b, 0x0d998f54,
            0x042c7d1b, 0x05c8a5fb, 0x0a3bc004, 0x0296a789, 0x00011839,
        ],
    ];

    fn generator_table() -> &'static Table<Self, 19> {
        static TABLE: OnceLock<Table<P521, 19>> = OnceLock::new();
        TABLE.get_or_init(Table::of_generator)
    }
}

/// The field of secp256k1 (SEC 2 section 2.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jose) struct Secp256k1Field;

impl Modulus<9> for Secp256k1Field {
    const BITS: u32 = 29;
    const LIMBS: [i32; 9] = [
        0x1ffffc2f, 0x1ffffff7, 0x1fffffff, 0x1fffffff, 0x1fffffff, 0x1fffffff, 0x1fffffff,
        0x1fffffff, 0x00ffffff,
    ];
    const NEGATED_INVERSE: u32 = 0x12253531;
    const SQUARE_OF_R: [i32; 9] = [
        0x1a428400, 0x00f44001, 0x00010000, 0x00000000, 0x00000000, 0x00000000, 0x00000000,
        0x00000000, 0x00000000,
    ];
}

/// The order of the group of secp256k1 (SEC 2 section 2.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jose) struct Secp256k1Order;

impl Modulus<9> for Secp256k1Order {
    const BITS: u32 = 29;
    const LIMBS: [i32; 9] = [
        0x10364141, 0x1e92f466, 0x12280eef, 0x1db9cd5e, 0x1fffebaa, 0x1fffffff, 0x1fffffff,
        0x1fffffff, 0x00ffffff,
    ];
    const NEGATED_INVERSE: u32 = 0x1588b13f;
    const SQUARE_OF_R: [i32; 9] = [
        0x09f6ab4b, 0x1f300d1e, 0x1c0bd5d8, 0x0c8ada8c, 0x11cefa2b, 0x08b79a0f, 0x1e697f5e,
        0x00e34de2, 0x009c7356,
    ];
}

/// secp256k1 (SEC 2 section 2.4.1).
#[derive(Clone, Copy, Debug)]
pub(in crate::jose) struct Secp256k1;

impl Curve<9> for Secp256k1 {
    type Field = Secp256k1Field;
    type Order = Secp256k1Order;
    const A: A = A::Zero;
    const BYTES: usize = 32;
    const GENERATOR: [[i32; 9]; 2] = [
        [
            0x16f81798, 0x0f940ad8, 0x138a3656, 0x17f9b65b, 0x10b07029, 0x114ae743, 0x0eb15681,
            0x0fdf3b97, 0x0079be66,
        ],
        [
            0x1b10d4b8, 0x023e847f, 0x01550667, 0x0f68914d, 0x108a8fd1, 0x1dfe0708, 0x11957693,
            0x0ee4d478, 0x00483ada,
        ],
    ];
    const GENERATOR_WINDOW: u32 = 8;

    fn generator_table() -> &'static Table<Self, 9> {
        static TABLE: OnceLock<Table<Secp256k1, 9>> = OnceLock::new();
        TABLE.get_or_init(Table::of_generator)
    }
}
