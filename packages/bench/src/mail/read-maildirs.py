# Reads every message below a folder of maildirs with Python's own email package, which shares nothing with nodemailer.
# Prints one JSON object a line.
import json
import sys
from email import policy
from email.parser import BytesParser
from pathlib import Path

root = Path(sys.argv[1])
for file in sorted(root.glob("*/*/*")):
    if file.parent.name == "tmp":
        continue
    with file.open("rb") as bytes_of:
        message = BytesParser(policy=policy.default).parse(bytes_of)
    text, html = (message.get_body(preferencelist=(kind,)) for kind in ("plain", "html"))
    defects = [type(d).__name__ for part in message.walk() for d in part.defects]
    defects += [type(d).__name__ for value in message.values() for d in getattr(value, "defects", ())]
    print(
        json.dumps(
            {
                "box": file.parent.parent.name,
                "headers": [[name.lower(), str(value).strip()] for name, value in message.items()],
                "to": [address.addr_spec for address in message["to"].addresses],
                "type": message.get_content_type(),
                "text": None if text is None else text.get_content(),
                "html": None if html is None else html.get_content(),
                "defects": defects,
            }
        )
    )
