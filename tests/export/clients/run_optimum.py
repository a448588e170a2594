"""What Optimum makes of a bundle, as JSON: run by `test_optimum.py` where Optimum is installed.

    python run_optimum.py BUNDLE FOLDER < texts.json

FOLDER is what export/clients/optimum_folder.py made of the bundle.
"""

import json
import sys

from optimum.onnxruntime import ORTModelForSeq2SeqLM, ORTModelForSequenceClassification
from transformers import AutoTokenizer

bundle, folder = sys.argv[1:]
texts = json.load(sys.stdin)
tokenizer = AutoTokenizer.from_pretrained(bundle)
encoded = tokenizer(texts, return_tensors="pt", padding=True)
found = {}
for file in ("model.onnx", "model_quantized.onnx"):
    classifier = ORTModelForSequenceClassification.from_pretrained(bundle, file_name=file)
    found[file] = classifier(**encoded).logits.tolist()

writer = ORTModelForSeq2SeqLM.from_pretrained(folder)
found["cached"] = writer.can_use_cache
for beams in (1, 3):
    found[f"{beams} beams"] = writer.generate(
        input_ids=encoded["input_ids"],
        attention_mask=encoded["attention_mask"],
        do_sample=False,
        num_beams=beams,
        max_new_tokens=12,
    ).tolist()
json.dump(found, sys.stdout)
