@testable import VMXLab

/// Results of the transcendental instructions, rounded to nearest.
///
/// Source: computed with mpmath 1.3 at 400 bits; trigonometric arguments reduced with the π of Intel
/// SDM, "Approximation of Pi".
enum TranscendentalVectors {
  enum Function {
    case sine
    case cosine
    case tangent
    case exponential
    case arctangent
    case logarithm
    case logarithmPlus1
  }

  struct Line: Sendable {
    let function: Function
    let st1: DoubleExtended
    let st0: DoubleExtended
    let result: DoubleExtended

    init(
      _ function: Function, _ st1SignExponent: UInt16, _ st1: UInt64, _ st0SignExponent: UInt16,
      _ st0: UInt64, _ signExponent: UInt16, _ result: UInt64
    ) {
      self.function = function
      self.st1 = DoubleExtended(significand: st1, signExponent: st1SignExponent)
      self.st0 = DoubleExtended(significand: st0, signExponent: st0SignExponent)
      self.result = DoubleExtended(significand: result, signExponent: signExponent)
    }
  }

  static let lines: [Line] = [
    Line(.sine, 0, 0, 0x3fff, 0x8000_0000_0000_0000, 0x3ffe, 0xd76a_a478_4867_7021),
    Line(.sine, 0, 0, 0x403c, 0xbb99_85ed_d721_0dff, 0x3ffe, 0xe1a4_be06_24f1_e445),
    Line(.sine, 0, 0, 0x403a, 0x86a3_209c_a623_3255, 0x3ffe, 0xfec7_76bb_b7f9_2688),
    Line(.sine, 0, 0, 0x3feb, 0xbc0a_7451_5f2d_d97f, 0x3feb, 0xbc0a_7451_5eea_3662),
    Line(.sine, 0, 0, 0xbff6, 0x8d0d_7f43_8b33_e968, 0xbff6, 0x8d0d_7820_7b85_4e3a),
    Line(.sine, 0, 0, 0x4020, 0xdd97_6d90_035b_7399, 0xbffe, 0xdefb_ca72_4297_82a2),
    Line(.sine, 0, 0, 0xbff2, 0x974e_4158_478c_281d, 0xbff2, 0x974e_414f_7866_f94d),
    Line(.sine, 0, 0, 0xc039, 0xe186_c5bb_28db_d25e, 0x3ffe, 0x90dd_a73f_53fb_4dc2),
    Line(.sine, 0, 0, 0x403d, 0xcf18_348e_2386_42ea, 0x3ffd, 0x8f3a_3057_145d_4b36),
    Line(.sine, 0, 0, 0xc026, 0x90ed_44bc_206f_5c66, 0x3ffb, 0xc085_b4b1_9d4d_0590),
    Line(.sine, 0, 0, 0x3fd7, 0xe305_1e55_359e_eefb, 0x3fd7, 0xe305_1e55_359e_eefb),
    Line(.sine, 0, 0, 0x3ff2, 0x954f_5d06_df56_1d80, 0x3ff2, 0x954f_5cfe_6840_d0cc),
    Line(.cosine, 0, 0, 0x3fff, 0x8000_0000_0000_0000, 0x3ffe, 0x8a51_407d_a834_5c92),
    Line(.cosine, 0, 0, 0x4026, 0xf871_e6cb_2e81_d66d, 0xbffb, 0xb3ae_ff43_b2bd_51cf),
    Line(.cosine, 0, 0, 0x4039, 0xfb88_474b_f770_c226, 0x3ffe, 0xfc5c_09df_b74f_d5a2),
    Line(.cosine, 0, 0, 0xc012, 0xae3b_78c5_0585_a01c, 0x3ffd, 0xb6eb_581a_77a0_781d),
    Line(.cosine, 0, 0, 0x4016, 0x92a6_5c32_ef90_1b93, 0xbffe, 0xa518_94ee_38b0_b95d),
    Line(.cosine, 0, 0, 0x4002, 0xa692_ef59_54f4_6a69, 0xbffe, 0x8d4c_a09b_0af6_4b9c),
    Line(.cosine, 0, 0, 0x402e, 0xd6c6_8ca5_9892_1396, 0x3ffe, 0x8e28_0ff7_1a28_08a5),
    Line(.cosine, 0, 0, 0xc03b, 0xa7ac_b393_10e6_d8e6, 0xbffe, 0x8a6a_fe39_42c1_3f44),
    Line(.cosine, 0, 0, 0xc00e, 0xd924_48c8_7b12_1dc5, 0x3ffe, 0x962d_d668_eb45_a384),
    Line(.cosine, 0, 0, 0x4009, 0xbc7c_22fa_7b31_20df, 0x3ffe, 0xff12_4206_c5b4_b864),
    Line(.cosine, 0, 0, 0x403b, 0xa0ca_90ff_0e97_9cf3, 0x3ffe, 0xfeb9_b96e_d12e_94c7),
    Line(.cosine, 0, 0, 0xbfe3, 0xb3bf_e89c_d84a_1d3a, 0x3ffe, 0xffff_ffff_ffff_ff04),
    Line(.tangent, 0, 0, 0x3fff, 0x8000_0000_0000_0000, 0x3fff, 0xc759_22e5_f71d_2dc5),
    Line(.tangent, 0, 0, 0x4021, 0x85fb_277b_73ec_28d0, 0x3ffd, 0xa9a1_911f_1e70_1d53),
    Line(.tangent, 0, 0, 0x4031, 0xfa43_55b9_9fab_a827, 0x3fff, 0xb662_3598_3d0c_ad4c),
    Line(.tangent, 0, 0, 0x3ff0, 0x9f7f_c59f_c177_f113, 0x3ff0, 0x9f7f_c5a1_0bae_5b2f),
    Line(.tangent, 0, 0, 0xc012, 0xad69_dd19_8332_f05a, 0xbffd, 0x96a0_b8d2_6e95_e7bc),
    Line(.tangent, 0, 0, 0xc01a, 0xbb3e_a93a_c68d_eb5d, 0xc000, 0x88c0_0264_8c35_0228),
    Line(.tangent, 0, 0, 0xbfe4, 0xa5de_dd80_dc14_ed57, 0xbfe4, 0xa5de_dd80_dc14_eeca),
    Line(.tangent, 0, 0, 0xbfdb, 0xfd3a_4b49_f21f_f5eb, 0xbfdb, 0xfd3a_4b49_f21f_f5eb),
    Line(.tangent, 0, 0, 0x3fe2, 0xc1a6_0db4_573a_c59a, 0x3fe2, 0xc1a6_0db4_573a_c5bf),
    Line(.tangent, 0, 0, 0xc025, 0x92f8_1314_eb07_c30d, 0xbfff, 0xec21_fba0_f326_ec3c),
    Line(.tangent, 0, 0, 0xc002, 0xd9ef_047c_ec98_3704, 0xbfff, 0xe17b_0475_4daf_4a7b),
    Line(.tangent, 0, 0, 0x401c, 0xd7cd_ba7c_4ffc_bf42, 0x3ffb, 0xfda9_a8fb_37df_88f2),
    Line(.exponential, 0, 0, 0x3ffe, 0x8000_0000_0000_0000, 0x3ffd, 0xd413_cccf_e779_9211),
    Line(.exponential, 0, 0, 0x3fc3, 0xd836_df70_b89c_4e56, 0x3fc3, 0x95de_4d2a_ac0f_05af),
    Line(.exponential, 0, 0, 0xbfe0, 0xdc2d_2e69_2959_fea3, 0xbfe0, 0x989d_5dd1_ddab_b116),
    Line(.exponential, 0, 0, 0x3fbf, 0xcce2_12c5_fc98_5000, 0x3fbf, 0x8e03_9ed5_e58a_4f5d),
    Line(.exponential, 0, 0, 0xbffd, 0x9e61_0bbc_0825_c7cc, 0xbffc, 0xc59e_1620_627f_ae77),
    Line(.exponential, 0, 0, 0xbfe5, 0xd352_de4c_74a6_77c6, 0xbfe5, 0x927a_7a4d_ead6_c6b5),
    Line(.exponential, 0, 0, 0x3fee, 0xfd51_87d6_0e42_d43c, 0x3fee, 0xaf96_8128_7ca9_54a3),
    Line(.exponential, 0, 0, 0xbfbd, 0xeb51_a69f_558d_2adb, 0xbfbd, 0xa31c_5498_7fb7_27cf),
    Line(.exponential, 0, 0, 0x3fd3, 0xdda7_2e08_fb36_8220, 0x3fd3, 0x99a3_6007_4ccf_aae2),
    Line(.exponential, 0, 0, 0xbfc9, 0x959b_ec0b_1b4c_24c2, 0xbfc8, 0xcf66_f749_422a_2d73),
    Line(.exponential, 0, 0, 0xbff0, 0x8785_cba9_2634_f16f, 0xbfef, 0xbbdf_4649_3c12_8c87),
    Line(.exponential, 0, 0, 0xbfee, 0xba00_fae7_2425_d75a, 0xbfee, 0x80ed_72dc_7e66_ff0f),
    Line(
      .arctangent, 0xbffc, 0xbe7b_fe7b_f5cb_2afc, 0xc001, 0xa540_3aa3_4627_3141, 0xc000,
      0xc6c1_ed84_8814_bc71),
    Line(
      .arctangent, 0xc006, 0x92c0_b87c_e6e0_53f7, 0xbffa, 0xfe83_7cfb_d272_3248, 0xbfff,
      0xc91d_ba7b_892d_663f),
    Line(
      .arctangent, 0xbffc, 0xab53_45a0_de28_123c, 0x3ffc, 0xa2db_0ef9_7dea_ab64, 0xbffe,
      0xcf8c_7678_b185_b09f),
    Line(
      .arctangent, 0xc007, 0xe49c_6346_1027_e5d3, 0x4002, 0xa721_25c9_c277_af32, 0xbfff,
      0xc623_5f96_db34_ddd3),
    Line(
      .arctangent, 0xc002, 0xbe2a_eef0_d5d1_cbd0, 0xbfff, 0xf907_b3c6_f4f6_717c, 0xbfff,
      0xddd4_883a_19ba_588f),
    Line(
      .arctangent, 0x4001, 0xed08_80d5_94a6_300c, 0xbff7, 0xe309_28c8_8c07_985b, 0x3fff,
      0xc92e_811d_3120_c337),
    Line(
      .arctangent, 0xbfff, 0xa308_1d15_abf0_ca69, 0xc005, 0xc00b_70a6_d111_eb37, 0xc000,
      0xc836_8ab1_8469_4483),
    Line(
      .arctangent, 0xc002, 0xd270_a8ac_461c_b6e0, 0xc002, 0xf60f_03eb_599c_8f1c, 0xc000,
      0x9bc7_ad48_e70c_4975),
    Line(
      .arctangent, 0xbffc, 0xaea0_8d86_f9e3_24de, 0x4001, 0xfd77_5a06_8782_d4d5, 0xbff9,
      0xb058_77fe_c0c0_d96e),
    Line(
      .arctangent, 0x3ffc, 0xae56_f6a0_d62c_bf25, 0xc006, 0x8a17_5266_b101_446a, 0x4000,
      0xc8fb_a771_fd0c_2756),
    Line(
      .arctangent, 0x4004, 0xe3e3_37a9_9de5_52dd, 0xc007, 0xcfd6_9dfa_4d7b_8661, 0x4000,
      0xc058_3283_bec6_bd41),
    Line(
      .arctangent, 0x3fff, 0x947b_a2c3_3212_c44f, 0x4005, 0xe126_d19b_3812_e299, 0x3ff8,
      0xa8d2_2337_f7ae_8cbd),
    Line(
      .arctangent, 0x3ffc, 0xbc5c_e9eb_fc89_3150, 0x3ffe, 0xf226_d353_0ddc_50fb, 0x3ffc,
      0xc4ae_2be6_e42c_84aa),
    Line(
      .arctangent, 0x3ffb, 0xfbe6_c918_513d_e781, 0xbffc, 0xc62f_5fc3_3180_0c21, 0x4000,
      0xa4d4_64b6_13e7_77b3),
    Line(
      .logarithm, 0xbff8, 0xacf0_d6e2_771f_e0ac, 0x3fff, 0x8000_0000_0000_b7cf, 0xbfc9,
      0xb324_6455_baca_bd6a),
    Line(
      .logarithm, 0x4002, 0xb3e3_5a31_59bb_b436, 0x3fff, 0x8eba_c256_ddcc_78de, 0x3fff,
      0xe224_155d_d7b7_f98f),
    Line(
      .logarithm, 0x4002, 0xce89_44a2_8cc8_678b, 0x4000, 0xc5c9_cc1e_4b97_8eaf, 0x4003,
      0xa819_e5f6_3bbb_c1c3),
    Line(
      .logarithm, 0xc007, 0xca5a_ced8_f37b_7afb, 0x3fff, 0x8000_0000_0346_2115, 0xbfe2,
      0xeef2_0e03_ffee_9e2a),
    Line(
      .logarithm, 0xc002, 0x9411_37ce_2461_7bfa, 0x4003, 0x997d_fd38_f50b_e271, 0xc004,
      0x9dc4_357d_2d10_752c),
    Line(
      .logarithm, 0x3ffb, 0xe91e_34a0_59e2_be57, 0x3ff7, 0xa9bb_bff6_1ba0_895d, 0xbffe,
      0xdd41_21cc_eb9e_3323),
    Line(
      .logarithm, 0xbffb, 0xf031_245a_a124_0c23, 0x3fff, 0x8000_0000_0000_3f28, 0xbfcb,
      0xaafa_4802_bf63_fbf4),
    Line(
      .logarithm, 0xc000, 0xdaa9_86c7_f8f2_c944, 0x4003, 0xed6f_7a73_f60d_3626, 0xc003,
      0x85b2_001e_3f22_a489),
    Line(
      .logarithm, 0xbffc, 0xfd90_c560_bdb3_e4fa, 0x4000, 0xb52e_d522_4046_02d0, 0xbffd,
      0xbe56_e0fd_34e2_373b),
    Line(
      .logarithm, 0xbff7, 0xfdfc_c5dc_f1f7_0efb, 0x3fff, 0x8000_0000_0000_01e8, 0xbfc2,
      0xaea0_03e3_4739_65df),
    Line(
      .logarithm, 0x3ff7, 0xcf93_6d59_a8f9_9dd1, 0x4005, 0x851d_f331_4b08_ce11, 0x3ffa,
      0x9d26_34b3_555b_4f14),
    Line(
      .logarithm, 0xbffb, 0xbd7a_5bd6_0361_4a8b, 0x3fff, 0xbcb5_2450_ef6c_bfc5, 0xbffa,
      0xd437_f4e3_98fb_4577),
    Line(
      .logarithm, 0x3ff8, 0xa243_9df5_7d78_6d24, 0x3fff, 0x8000_003c_fe13_62ae, 0x3fdf,
      0xdf18_c9cb_14c7_c69a),
    Line(
      .logarithm, 0x4007, 0xe154_be71_0423_e5e2, 0x3ffb, 0xc449_a8e6_4847_ec0e, 0xc009,
      0xbe95_60e2_959b_a7bd),
    Line(
      .logarithmPlus1, 0xc001, 0xc3d2_b2d2_bb34_e707, 0x3fee, 0x805c_ef57_0953_67c2, 0xbff1,
      0x8da8_1380_dd90_a419),
    Line(
      .logarithmPlus1, 0xbfff, 0xf552_4576_af8c_30a0, 0xbff4, 0xc9ae_a147_984a_d8fa, 0x3ff6,
      0x8b77_ce26_1dd8_3812),
    Line(
      .logarithmPlus1, 0xc006, 0xb228_a7a1_79c8_c490, 0x3ff3, 0xeb0b_2da7_4dbc_03c2, 0xbffb,
      0xebef_75cb_6824_f35e),
    Line(
      .logarithmPlus1, 0xbff7, 0xa4a7_7ad7_9505_54f8, 0xbfe1, 0xaa55_9714_f911_67e3, 0x3fda,
      0x9e0e_35da_8a0d_c29c),
    Line(
      .logarithmPlus1, 0xbffb, 0xc54c_cc9c_95fa_699b, 0x3fd4, 0x880d_aefe_cab0_294c, 0xbfd1,
      0x9746_c2f5_315b_215b),
    Line(
      .logarithmPlus1, 0xbff7, 0xb6f4_7ce0_b8fc_388f, 0x3fc6, 0x8fa9_60a4_d791_6ac1, 0xbfbf,
      0x941f_3ed5_048e_0418),
    Line(
      .logarithmPlus1, 0x3ffe, 0xf28a_54bd_b662_b035, 0x3fdf, 0xce28_8838_2ede_b6cd, 0x3fe0,
      0x8ce4_9cd4_f22a_132d),
    Line(
      .logarithmPlus1, 0xbffc, 0x94a1_8af5_cd53_80da, 0xbfc9, 0x8937_6cd3_beda_cbe9, 0x3fc6,
      0xe5de_767d_63d3_1b57),
    Line(
      .logarithmPlus1, 0x3fff, 0xc9a1_faad_9233_d3f6, 0x3fcb, 0x8bb4_3ba6_6e81_f549, 0x3fcc,
      0x9ebf_2429_e5bb_b0ff),
    Line(
      .logarithmPlus1, 0xc001, 0xad3c_4e5d_7d55_197d, 0x3fd5, 0xd0cf_f18d_9192_edbb, 0xbfd8,
      0xcbdb_a36f_6d39_379e),
    Line(
      .logarithmPlus1, 0xc007, 0xf892_80ec_e911_738d, 0xbfd2, 0xe012_f5c8_d525_cb10, 0x3fdc,
      0x9cf2_0c26_9e05_0147),
    Line(
      .logarithmPlus1, 0x4000, 0x9e01_7c19_ceda_fa3a, 0x3fce, 0x8264_79c9_b69a_9650, 0x3fcf,
      0xe837_0635_9b6f_3ca5),
    Line(
      .logarithmPlus1, 0x4001, 0xd57f_7db9_92be_e8bb, 0xbfe3, 0xb1e6_ac8d_3d13_e9b6, 0xbfe6,
      0xd60b_c1fc_650d_ae71),
    Line(
      .logarithmPlus1, 0xc005, 0xa961_718b_f69a_dd7a, 0x3fdb, 0x934d_72fe_d926_779f, 0xbfe2,
      0x8c9b_86c2_6b3a_dca6),
  ]
}
