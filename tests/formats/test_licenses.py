from pathlib import Path

import pytest

from orchard.formats import detect_license, spdx

MIT = """MIT License

Copyright (c) 2025 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation ...
"""
BSD = """Redistribution and use in source and binary forms, with or without modification, are permitted provided that
the following conditions are met: 1. Redistributions of source code must retain the above copyright notice.
"""
BSD_3 = """3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse or
promote products derived from this software without specific prior written permission.
"""
BSD_4 = "3. All advertising materials mentioning features or use of this software must display an acknowledgement."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("All rights reserved.", ""),
        (MIT, "MIT"),
        (MIT.upper().replace(" ", "\n"), "MIT"),
        (BSD, "BSD-2-Clause"),
        (BSD + BSD_3, "BSD-3-Clause"),
        (BSD + BSD_4, ""),
        (BSD + MIT, ""),
        ("Apache License\n   Version 2.0, January 2004\n", "Apache-2.0"),
        ("GNU GENERAL PUBLIC LICENSE\nVersion 2, June 1991", "GPL-2.0"),
        ("GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007", "GPL-3.0"),
        ("GNU LESSER GENERAL PUBLIC LICENSE Version 2.1, February 1999", "LGPL-2.1"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007", "LGPL-3.0"),
        ("GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3, 19 November 2007", "AGPL-3.0"),
        (
            "Mozilla Public License Version 2.0 Covered Software is provided under this License on an “as is” basis",
            "MPL-2.0",
        ),
        ("Creative Commons Attribution 4.0 International Public License", "CC-BY-4.0"),
        ("Creative Commons Attribution-ShareAlike 4.0 International Public License", "CC-BY-SA-4.0"),
        ("Creative Commons Attribution-NonCommercial 4.0 International Public License", ""),
        ("CC0 1.0 Universal", "CC0-1.0"),
        ("This is free and unencumbered software released into the public domain.", "Unlicense"),
        ("CreativeML Open RAIL-M", "creativeml-openrail-m"),
        ("LLAMA 3.1 COMMUNITY LICENSE AGREEMENT", "llama3.1"),
    ],
)
def test_detect_license_knows_a_license_by_its_words(text: str, expected: str) -> None:
    assert detect_license(text) == expected


def test_detect_license_knows_the_license_of_this_project() -> None:
    text = Path(__file__).parents[2].joinpath("LICENSE")

    assert not text.exists() or detect_license(text.read_text()) == "Apache-2.0"


@pytest.mark.parametrize(
    ("card", "identifier"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("MIT", "MIT"),
        ("cc-by-nc-4.0", "CC-BY-NC-4.0"),
        ("llama3.1", "llama3.1"),
        ("gemma", "gemma"),
        ("other", ""),
        ("unknown", ""),
        ("", ""),
        ("a b", ""),
        ("x" * 100, ""),
    ],
)
def test_spdx_writes_what_a_card_says_as_spdx_does(card: str, identifier: str) -> None:
    assert spdx(card) == identifier
