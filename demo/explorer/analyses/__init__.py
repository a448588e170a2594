"""What can be measured of an answer or a written text: generators that tell how far they are.

Public: `compare`, `noise`, `decoder_heads`, `faithfulness`, `head_ablation`, `occlusion`,
`perturbation`, `smallest_flip`, `source_attribution`, `word_pairs`.
"""
