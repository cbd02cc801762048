"""What the model card says, in English and in Chinese; `model_card` puts the figures in."""

# ruff: noqa: RUF001 - Chinese punctuation is there on purpose.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from medseg_desktop.core.notice import RESEARCH_NOTICE, RESEARCH_NOTICE_ZH


@dataclass(frozen=True, slots=True)
class CardWords:
    """The card in one language; `{...}` are filled in.

    Attributes:
        colon, comma: how the language writes them, with the space it puts after.
        settings: keys of `ModelInfo.training` that are numbers or words, with their names.
        origins: what a `SplitOrigin` means.
        minutes: a duration; empty where the program's own way of writing it is in the language.
        learned_from: by whether it was one patient.
    """

    colon: str
    comma: str
    heading: str
    notice: str
    # what it is
    architecture: str
    architecture_value: str
    labels: str
    patients: str
    patients_value: str
    patients_unknown: str
    validation: str
    validation_value: str
    validation_none: str
    validation_unknown: str
    trained_from: str
    scratch: str
    imported: str
    imported_value: str
    created: str
    # how it learned
    history: str
    history_head: tuple[str, str, str]
    history_note: str
    cases: str
    cases_head: tuple[str, str, str]
    cases_note: str
    settings_title: str
    settings: Mapping[str, str]
    minutes: str
    time: str
    agreement: str
    slices: str
    slices_value: tuple[str, str]
    scalings: Mapping[str, str]
    # where it comes from
    provenance: str
    dataset: str
    split: str
    origins: Mapping[str, str]
    parent_network: str
    inherited: str
    recipe: str
    machine: str
    machine_value: str
    software: str
    # what it is not
    limits: str
    learned_from: tuple[str, str]
    other_scanners: str
    optimistic: str
    unknown_patients: str
    check: str


ENGLISH = CardWords(
    colon=": ",
    comma=", ",
    heading="# {title}",
    notice=RESEARCH_NOTICE,
    architecture="Architecture",
    architecture_value="{name}, input {channels} x {height} x {width}",
    labels="Labels",
    patients="Patients",
    patients_value="{train} in training, {val} in validation, {test} kept for testing",
    patients_unknown="not known",
    validation="Validation",
    validation_value="mean patient Dice {dice}",
    validation_none="no patient with a lesion",
    validation_unknown="none by this program; evaluate it before it is used",
    trained_from="Trained from",
    scratch="scratch",
    imported="Imported",
    imported_value="from a weight file ({format}) with the SHA-256 {sha256}",
    created="Created",
    history="How it learned",
    history_head=("Step", "Training loss", "Mean patient Dice"),
    history_note="The loss is the mean since the row before; the columns of the labels are the "
    "Dice over all pixels of the validation set. The model is that of the step in bold.",
    cases="Validation patients",
    cases_head=("Patient", "Slices", "Any lesion"),
    cases_note="Dice over a patient's slices; a dash where the patient has no such lesion.",
    settings_title="Settings",
    settings={
        "preset": "Preset",
        "iterations": "Training steps",
        "planned_iterations": "Planned steps",
        "batch_size": "Slices in a batch",
        "seed": "Seed",
        "device": "Device",
    },
    minutes="",
    time="Time",
    agreement="Pixels on which ONNX and Paddle agree",
    slices="Slices",
    slices_value=("scaled by {scaling}, with noise reduction",
                  "scaled by {scaling}, without noise reduction"),
    scalings={
        "maximum": "their maximum",
        "percentile": "their percentiles",
        "tissue": "the brightness of tissue",
    },
    provenance="Provenance",
    dataset="Dataset",
    split="Split",
    origins={
        "workspace": "the frozen split of the workspace",
        "file": "given in a file",
        "recipe": "drawn as in the original method",
    },
    parent_network="Network it was trained from",
    inherited="Patients that earlier generations have seen",
    recipe="Recipe",
    machine="Machine",
    machine_value="{cores} cores, {memory} GB",
    software="Software",
    limits="Limits",
    learned_from=("It has learned from {n} patients only.",
                  "It has learned from {n} patient only."),
    other_scanners="Expect worse results on other scanners, sequences and field strengths, and on "
    "kinds of lesion that the training did not show.",
    optimistic="It is the best of several evaluations on the validation patients, so their "
    "figures are optimistic; compare it on patients that neither training nor validation has "
    "seen.",
    unknown_patients="It, or a model it was trained from, comes from elsewhere: which patients it "
    "has seen is not known here, and a test patient may be among them.",
    check="Every outline that it proposes has to be checked by a reader.",
)  # fmt: skip

CHINESE = CardWords(
    colon="：",
    comma="、",
    heading="# {title} 模型说明",
    notice=RESEARCH_NOTICE_ZH,
    architecture="网络结构",
    architecture_value="{name}，输入 {channels} × {height} × {width}",
    labels="病灶标签",
    patients="患者",
    patients_value="训练 {train} 例，验证 {val} 例，另留 {test} 例供测试",
    patients_unknown="不详",
    validation="验证结果",
    validation_value="各患者 Dice 均值 {dice}",
    validation_none="验证集内没有带病灶的患者",
    validation_unknown="未经本程序验证，使用前请先评估",
    trained_from="起始模型",
    scratch="无（从头训练）",
    imported="导入来源",
    imported_value="外部权重文件（{format}），SHA-256 为 {sha256}",
    created="生成时间",
    history="训练过程",
    history_head=("步数", "训练损失", "患者 Dice 均值"),
    history_note="损失为上一行以来的平均值；各标签列为验证集全部像素的 Dice。"
    "模型取自粗体所示的那一步。",
    cases="验证集患者",
    cases_head=("患者", "层面数", "全部病灶"),
    cases_note="Dice 按患者的全部层面合并计算；“–”表示该患者没有此类病灶。",
    settings_title="设置",
    settings={
        "preset": "训练方案",
        "iterations": "实际步数",
        "planned_iterations": "计划步数",
        "batch_size": "每批层面数",
        "seed": "随机种子",
        "device": "计算设备",
    },
    minutes="{n} 分钟",
    time="用时",
    agreement="ONNX 与 Paddle 结果一致的像素比例",
    slices="图像预处理",
    slices_value=("按{scaling}缩放灰度并降噪", "按{scaling}缩放灰度，不降噪"),
    scalings={"maximum": "最大值", "percentile": "百分位数", "tissue": "组织亮度"},
    provenance="来源与追溯",
    dataset="数据集",
    split="患者划分",
    origins={
        "workspace": "工作区的固定划分",
        "file": "由文件指定",
        "recipe": "按原方法划分",
    },
    parent_network="起始模型的网络",
    inherited="历代起始模型见过的患者数",
    recipe="优化参数",
    machine="计算机",
    machine_value="{cores} 核，内存 {memory} GB",
    software="软件版本",
    limits="适用范围与局限",
    learned_from=("仅由 {n} 例患者的勾画训练而成。", "仅由 {n} 例患者的勾画训练而成。"),
    other_scanners="换用其他设备、序列或场强，或遇到训练中未出现过的病灶类型时，预测可能变差。",
    optimistic="模型是依据验证集患者从多次评估中选出的最佳者，验证数值因而偏乐观；"
    "作为候选模型替换当前模型之前，请在训练和验证均未见过的患者上比较两者。",
    unknown_patients="本模型或其起始模型来自外部，见过哪些患者无从得知，测试集患者也可能在其中。",
    check="模型给出的每一处预测勾画，都须由阅片医师核对。",
)
