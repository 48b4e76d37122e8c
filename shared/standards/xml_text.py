"""Write XML documents: text that XML 1.0 cannot carry is left out, and the bytes are the same each time."""

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""https://www.w3.org/TR/xml/#charsets"""


def add(parent: Element, name: str, text: str | None = None, **attributes: str) -> Element:
    """Append an element with a text and attributes; return it."""
    made = SubElement(parent, name, {key: _clean(value) for key, value in attributes.items()})
    if text is not None:
        made.text = _clean(text)
    return made


def to_document(root: Element) -> bytes:
    """Return the document of a root element, in UTF-8 with a declaration."""
    indent(root)
    document: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return document


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)
