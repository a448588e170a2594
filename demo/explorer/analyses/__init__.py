"""What can be measured of an answer or a written text: generators that tell how far they are.

Public: `compare`, `faithfulness`, `generated_text`, `head_ablation`, `noise`, `occlusion`,
`perturbation`, `smallest_flip`.
"""
