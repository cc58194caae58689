"""Every sentence of the privacy report, in English and Chinese; the page itself holds none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "title": {"en": "Privacy report", "zh-Hans": "隐私保护报告"},
    "internal": {
        "en": "Internal. This report tells why cells are withheld and must not leave the institution.",
        "zh-Hans": "内部文件。本报告说明单元格不予公布的原因，不得带出本机构。",
    },
    "institution": {"en": "Institution", "zh-Hans": "机构"},
    "collection": {"en": "Collection", "zh-Hans": "数据集"},
    "version": {"en": "version {version}", "zh-Hans": "版本 {version}"},
    "period": {"en": "Reference period", "zh-Hans": "报告期"},
    "prepared": {"en": "Prepared", "zh-Hans": "生成时间"},
    "may_leave": {"en": "Protected and audited", "zh-Hans": "已保护并通过审计"},
    "unprotected": {"en": "Not protected by this software", "zh-Hans": "本软件未作保护"},
    "unprotected_more": {
        "en": "This collection asks for no protection of its cells. Sign only if every cell may be known outside.",
        "zh-Hans": "该数据集不要求保护单元格。仅当每个单元格均可对外公开时方可签署。",
    },
    "must_not_leave": {"en": "Must not leave", "zh-Hans": "不得报送"},
    "must_not_leave_more": {
        "en": "The table breaks rules of its collection, listed under Checks. The platform would refuse it.",
        "zh-Hans": "该汇总表违反了数据集的规则（见“检查”），平台将予以拒收。",
    },
    "leaves": {"en": "What leaves", "zh-Hans": "报送内容"},
    "leaves_more": {
        "en": "One table of counts and sums. No row about a borrower or a loan, no key, no name.",
        "zh-Hans": "一张由计数与合计组成的汇总表。不含任何借款人或贷款的明细、标识或姓名。",
    },
    "cells": {"en": "Cells", "zh-Hans": "单元格"},
    "published": {"en": "Published", "zh-Hans": "公布"},
    "withheld": {"en": "Withheld", "zh-Hans": "不公布"},
    "measures": {"en": "Measures", "zh-Hans": "指标"},
    "broken_down_by": {"en": "Broken down by", "zh-Hans": "分类维度"},
    "size": {"en": "Size", "zh-Hans": "大小"},
    "bytes": {"en": "{size} bytes", "zh-Hans": "{size} 字节"},
    "digest": {"en": "SHA-256 of the file", "zh-Hans": "文件 SHA-256"},
    "rule": {"en": "Rule", "zh-Hans": "规则"},
    "parameter": {"en": "Parameter", "zh-Hans": "参数"},
    "meaning": {"en": "What it forbids", "zh-Hans": "禁止的情形"},
    "rule_minimum": {"en": "Minimum number of borrowers", "zh-Hans": "最少借款人数"},
    "rule_minimum_more": {
        "en": "Publishing a cell with fewer borrowers. Affiliated borrowers count once.",
        "zh-Hans": "公布借款人数低于该值的单元格。关联借款人按一户计。",
    },
    "rule_p": {"en": "p% rule", "zh-Hans": "p% 规则"},
    "rule_p_more": {
        "en": "Publishing an amount from which another borrower could estimate the largest one to within p%.",
        "zh-Hans": "公布的金额使其他借款人能将最大借款人的金额估计到 p% 以内。",
    },
    "rule_dominance": {"en": "Dominance (n, k)", "zh-Hans": "支配度规则 (n, k)"},
    "rule_dominance_more": {
        "en": "Publishing an amount of which the n largest borrowers hold more than k%.",
        "zh-Hans": "公布由最大 n 户占比超过 k% 的金额。",
    },
    "rule_range": {"en": "Uncertainty of counts", "zh-Hans": "计数的不确定度"},
    "rule_range_more": {
        "en": "Letting an outsider tell a withheld count to within this share of it, or to within one.",
        "zh-Hans": "使外部人员能将不公布的计数推断到该比例以内或相差一以内。",
    },
    "why": {"en": "What is withheld, and why", "zh-Hans": "不公布的内容及原因"},
    "why_more": {
        "en": "Outside, all withheld cells look the same; the reasons below are known here only.",
        "zh-Hans": "对外，所有不公布的单元格标记相同；以下原因仅限本机构知悉。",
    },
    "reason_small": {"en": "Too few borrowers", "zh-Hans": "借款人过少"},
    "reason_dominance": {"en": "One borrower dominates", "zh-Hans": "单一借款人占主导"},
    "reason_secondary": {"en": "To protect the cells above from subtraction", "zh-Hans": "防止上述单元格被相减推算"},
    "before": {"en": "Before", "zh-Hans": "保护前"},
    "after": {"en": "After", "zh-Hans": "保护后"},
    "smallest": {"en": "Fewest borrowers in a cell (k-anonymity)", "zh-Hans": "单元格最少借款人数（k-匿名）"},
    "unique": {"en": "Cells of a single borrower", "zh-Hans": "仅含一名借款人的单元格"},
    "nothing_published": {"en": "nothing published", "zh-Hans": "未公布任何内容"},
    "audit": {"en": "What an outsider could still infer", "zh-Hans": "外部人员仍可推断的内容"},
    "audit_more": {
        "en": "Each sensitive cell was attacked with everything that is published and all sums that tie cells together. For "
        "each the range of values that fit was computed, or proven wide enough, by code independent of the code that chose "
        "what to withhold.",
        "zh-Hans": "针对每个敏感单元格，利用所有公布的信息和全部加总关系进行了攻击测试；由与选择方案相互独立的程序计算其可能取值的范围，"
        "或证明该范围足够宽。",
    },
    "audit_insiders": {
        "en": "The attacker was taken to be a borrower as well, who knows its own loans.",
        "zh-Hans": "攻击者亦可能是了解自身贷款的借款人。",
    },
    "measure": {"en": "Measure", "zh-Hans": "指标"},
    "sensitive": {"en": "Sensitive cells", "zh-Hans": "敏感单元格"},
    "proven": {"en": "Proven safe", "zh-Hans": "证明安全"},
    "attacked": {"en": "Attacked", "zh-Hans": "攻击测试"},
    "narrowest": {"en": "Narrowest interval", "zh-Hans": "最窄区间"},
    "times_required": {"en": "at least {times} × required", "zh-Hans": "不小于要求的 {times} 倍"},
    "result": {"en": "Result", "zh-Hans": "结果"},
    "passed": {"en": "Passed", "zh-Hans": "通过"},
    "failed": {"en": "Failed", "zh-Hans": "未通过"},
    "no_audit": {
        "en": "No audit: this collection withholds nothing at the institution.",
        "zh-Hans": "未审计：该数据集在机构端不作保留。",
    },
    "identifiers": {"en": "Direct identifiers on the tape", "zh-Hans": "贷款明细中的直接标识"},
    "identifiers_none": {
        "en": "A sample of every column was searched for identity numbers, bank cards, phone numbers, e-mail and postal "
        "addresses, names of people and companies, and more. None was found.",
        "zh-Hans": "已对每一列抽样检查身份证号、银行卡号、电话、电子邮箱、地址、个人及企业名称等，未发现。",
    },
    "identifiers_some": {
        "en": "These columns seem to hold direct identifiers. None of them was used. Consider leaving them out of the "
        "tape.",
        "zh-Hans": "以下列疑似含有直接标识，均未使用。建议从贷款明细中剔除。",
    },
    "column": {"en": "Column", "zh-Hans": "列"},
    "kind": {"en": "Seems to hold", "zh-Hans": "疑似内容"},
    "kind_national-id": {"en": "national identity numbers", "zh-Hans": "身份证件号码"},
    "kind_bank-card": {"en": "bank card numbers", "zh-Hans": "银行卡号"},
    "kind_phone": {"en": "phone numbers", "zh-Hans": "电话号码"},
    "kind_e-mail": {"en": "e-mail addresses", "zh-Hans": "电子邮箱"},
    "kind_iban": {"en": "account numbers (IBAN)", "zh-Hans": "国际银行账号（IBAN）"},
    "kind_name": {"en": "names of people", "zh-Hans": "姓名"},
    "kind_address": {"en": "postal addresses", "zh-Hans": "地址"},
    "kind_national-id-old": {"en": "national identity numbers of fifteen digits", "zh-Hans": "十五位身份证号码"},
    "kind_foreign-id": {"en": "national identity numbers of another country", "zh-Hans": "境外身份号码"},
    "kind_travel-document": {"en": "passport or travel permit numbers", "zh-Hans": "护照或通行证号码"},
    "kind_company-id": {"en": "registration numbers of companies", "zh-Hans": "统一社会信用代码或注册号"},
    "kind_messenger": {"en": "messenger accounts", "zh-Hans": "社交账号"},
    "kind_vehicle": {"en": "vehicle plates or chassis numbers", "zh-Hans": "车牌号或车架号"},
    "kind_device": {"en": "network addresses or device numbers", "zh-Hans": "网络地址或设备号"},
    "kind_position": {"en": "coordinates of a place", "zh-Hans": "地理坐标"},
    "kind_birth-date": {"en": "dates of birth", "zh-Hans": "出生日期"},
    "kind_company": {"en": "names of companies", "zh-Hans": "企业名称"},
    "kind_free-text": {"en": "free text, which may say anything of anybody", "zh-Hans": "自由文本，可能含有个人信息"},
    "kind_near-unique": {
        "en": "another value in almost every row, as only keys do",
        "zh-Hans": "几乎每行取值不同，近似唯一标识",
    },
    "loss": {"en": "Information lost", "zh-Hans": "信息损失"},
    "loss_rates": {
        "en": "Rates that the institution can still be compared by, of those for which it has loans.",
        "zh-Hans": "在本机构有贷款的比率中，仍可用于同业比较的数量。",
    },
    "loss_finest": {
        "en": "Of the borrowers counted in the finest cells, {share} are in withheld ones; the totals above contain them.",
        "zh-Hans": "最细单元格的借款人中，{share} 位于不公布的单元格；上级合计仍包含这些借款人。",
    },
    "loss_codes": {
        "en": "Below: the cells of each code, how many of them are withheld, and whether the code's own total is published.",
        "zh-Hans": "下表列出各代码的单元格数、其中不公布的比例，以及该代码的合计是否公布。",
    },
    "code": {"en": "Code", "zh-Hans": "代码"},
    "own_total": {"en": "Total", "zh-Hans": "合计"},
    "indicator": {"en": "Indicator", "zh-Hans": "比率指标"},
    "rates_shown": {"en": "Rates that can be shown", "zh-Hans": "可显示的比率"},
    "checks": {"en": "Checks", "zh-Hans": "检查"},
    "checks_none": {
        "en": "The checks that the platform will run were run here. Nothing was found.",
        "zh-Hans": "已在本地运行平台将执行的全部检查，未发现问题。",
    },
    "error": {"en": "Error", "zh-Hans": "错误"},
    "warning": {"en": "Warning", "zh-Hans": "警告"},
    "more_findings": {"en": "{number} more findings are not listed.", "zh-Hans": "另有 {number} 项未列出。"},
    "release": {"en": "Release", "zh-Hans": "签署放行"},
    "release_more": {
        "en": "I have read this report. The file with the digest below may be sealed and sent to the consortium.",
        "zh-Hans": "本人已阅读本报告，同意将具有下述摘要值的文件加密并报送联合体。",
    },
    "prepared_by": {"en": "Prepared by", "zh-Hans": "编制人"},
    "released_by": {"en": "Released by (compliance)", "zh-Hans": "批准人（合规）"},
    "name": {"en": "Name", "zh-Hans": "姓名"},
    "date": {"en": "Date", "zh-Hans": "日期"},
    "signature": {"en": "Signature", "zh-Hans": "签名"},
    "may_leave_more": {
        "en": "The file may leave once this page is signed.",
        "zh-Hans": "签署本页后即可报送。",
    },
    "promise_suppress": {
        "en": "No published cell has fewer than {least} borrowers, and nobody can work out a withheld one more closely than the rules allow.",
        "zh-Hans": "所有公布的单元格均不少于 {least} 名借款人，任何人都无法以超出规则允许的精度推算不公布的单元格。",
    },
    "promise_merge": {
        "en": "Groups of fewer than {least} borrowers were merged into larger ones, and nobody can work out a merged one more closely than the rules allow.",
        "zh-Hans": "少于 {least} 名借款人的组别已合并到更大的组别，任何人都无法以超出规则允许的精度推算被合并的组别。",
    },
    "promise_round": {
        "en": "All values are rounded at random, so that nobody can tell whether a small cell holds a few borrowers or none, nor work out a large borrower's amount more closely than the rules allow.",
        "zh-Hans": "所有数值均经随机取整，任何人都无法判断较小单元格有少数借款人还是没有借款人，也无法以超出规则允许的精度推算大额借款人的金额。",
    },
    "promise_noise": {
        "en": "Whoever sees the file can hardly tell whether any one borrower is in it (differential privacy, epsilon {epsilon}).",
        "zh-Hans": "任何看到该文件的人几乎无法判断某一借款人是否在其中（差分隐私，ε = {epsilon}）。",
    },
    "method_suppress": {
        "en": "Cells that would tell too much about a borrower are withheld, with as many others as it takes that none can be found by subtraction. All published values are exact.",
        "zh-Hans": "会过多透露借款人信息的单元格不予公布，并保留足够多的其他单元格，使其无法被相减推算。所有公布的数值均为精确值。",
    },
    "method_merge": {
        "en": "Small categories are merged into the next larger one that is safe. All published values are exact.",
        "zh-Hans": "较小的类别合并到上一级安全的类别。所有公布的数值均为精确值。",
    },
    "method_round": {
        "en": "Every value is a multiple of a base, rounded up or down at random so that it is right on average; rounded values still add up. Amounts for which the base is too narrow are withheld.",
        "zh-Hans": "每个数值均为基数的倍数，随机向上或向下取整，平均而言无偏，且取整后仍可加总。基数不足以保护的金额不予公布。",
    },
    "method_noise": {
        "en": "Random noise was added to every cell, empty ones too; values still add up. What one borrower can contribute was limited first.",
        "zh-Hans": "对每个单元格（包括空单元格）加入随机噪声，数值仍可加总；事先限制了单一借款人的贡献。",
    },
    "rule_base": {
        "en": "Base of {measure}",
        "zh-Hans": "{measure}的取整基数",
    },
    "rule_base_more": {
        "en": "Telling the value of a finest cell more closely than to within one base.",
        "zh-Hans": "将最细单元格的数值推断到一个基数以内。",
    },
    "rule_epsilon": {
        "en": "Privacy budget of this file (epsilon, delta)",
        "zh-Hans": "本文件的隐私预算（ε, δ）",
    },
    "rule_epsilon_more": {
        "en": "Telling from the file whether one borrower is in it, beyond a factor of e to the epsilon.",
        "zh-Hans": "从文件判断某一借款人是否在内，其可能性之比超过 e 的 ε 次方。",
    },
    "rule_bound": {
        "en": "Most that one borrower contributes to {measure}",
        "zh-Hans": "单一借款人对{measure}的最大贡献",
    },
    "rule_bound_more": {
        "en": "A contribution above it; what is above was cut off before adding up.",
        "zh-Hans": "超过该值的贡献；超出部分在汇总前已截去。",
    },
    "not_repeatable": {
        "en": "Drawn without the institution's own secret: preparing the same tape again gives other values. Send only one of them.",
        "zh-Hans": "未使用本机构密钥进行随机抽取：再次处理同一明细将得到不同的数值，请只报送其中一份。",
    },
    "singling_out": {
        "en": "Can a borrower be singled out?",
        "zh-Hans": "能否识别单个借款人？",
    },
    "singling_out_more": {
        "en": "Borrowers by how many share their finest cell: the same combination of all dimensions.",
        "zh-Hans": "按与借款人处于同一最细单元格（所有维度取值相同）的人数统计借款人。",
    },
    "singling_out_exact": {
        "en": "After protection no group below the minimum is published.",
        "zh-Hans": "保护后不公布低于最少人数的组别。",
    },
    "singling_out_blurred": {
        "en": "Cells are published with changed values only, so the true sizes on the left stay unknown outside.",
        "zh-Hans": "单元格仅以经过改变的数值公布，左侧的真实人数外部无从得知。",
    },
    "after_blurred": {
        "en": "Published, with changed values",
        "zh-Hans": "以改变后的数值公布",
    },
    "group_size": {
        "en": "Borrowers in the cell",
        "zh-Hans": "单元格内借款人数",
    },
    "or_more": {
        "en": "{least} or more",
        "zh-Hans": "{least} 及以上",
    },
    "intervals_of": {
        "en": "{measure}: how wide the attacked cells stay",
        "zh-Hans": "{measure}：受攻击单元格的区间宽度",
    },
    "times_demanded": {
        "en": "Width, in times what the rules demand",
        "zh-Hans": "宽度（规则要求的倍数）",
    },
    "no_audit_noise": {
        "en": "The promise of differential privacy holds whatever an outsider knows or computes; OpenDP, a library made for it, drew the noise and states what it costs.",
        "zh-Hans": "无论外部人员掌握或计算什么，差分隐私的保证均成立；噪声由专用程序库 OpenDP 抽取并给出其代价。",
    },
    "detail": {
        "en": "Level of detail",
        "zh-Hans": "细分程度",
    },
    "detail_none": {
        "en": "Grand total",
        "zh-Hans": "总计",
    },
    "detail_by": {
        "en": "Broken down by {number}",
        "zh-Hans": "按 {number} 个维度细分",
    },
    "loss_error": {
        "en": "Standard errors are those of the published values, of the total and of single codes.",
        "zh-Hans": "标准误差为公布数值的误差，分别针对总计与单一代码。",
    },
    "share_withheld": {
        "en": "Share in withheld finest cells",
        "zh-Hans": "位于不公布的最细单元格的占比",
    },
    "error_total": {
        "en": "Error of the total",
        "zh-Hans": "总计的误差",
    },
    "error_typical": {
        "en": "Typical error of a code",
        "zh-Hans": "单一代码的典型误差",
    },
    "error_largest": {
        "en": "Largest error of a code",
        "zh-Hans": "单一代码的最大误差",
    },
    "provenance": {
        "en": "What it was made of",
        "zh-Hans": "数据来源",
    },
    "tape": {
        "en": "Loan tape",
        "zh-Hans": "贷款明细",
    },
    "rows": {
        "en": "Rows counted",
        "zh-Hans": "计入行数",
    },
    "software": {
        "en": "Software",
        "zh-Hans": "软件",
    },
    "columns_used": {
        "en": "Columns used",
        "zh-Hans": "使用的列",
    },
    "mapping_digest": {
        "en": "SHA-256 of the mapping",
        "zh-Hans": "映射文件 SHA-256",
    },
    "template_digest": {
        "en": "SHA-256 of the template",
        "zh-Hans": "模板 SHA-256",
    },
    "annex": {
        "en": "Annex: what is withheld, code by code",
        "zh-Hans": "附录：按代码列示不公布的内容",
    },
    "cut_off": {"en": "Cut off by bounds", "zh-Hans": "被上限截去的占比"},
    "together": {
        "en": "Protected together with the cubes of {collections} from the same tape: none of them gives another away.",
        "zh-Hans": "与同一贷款明细的 {collections} 数据一并保护：彼此之间不会泄露对方不公布的内容。",
    },
}
